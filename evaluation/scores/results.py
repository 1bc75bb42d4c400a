"""The evaluation behind `newsloom evaluate`: streams to scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from evaluation.baselines import BASELINES
from evaluation.baselines.label_cache import cached_labels
from evaluation.baselines.observations import Observations, observations_of
from evaluation.hard_streams.arrival import ArrivalRates
from evaluation.hard_streams.mixing import mix_into
from evaluation.hard_streams.names import split_names
from evaluation.hard_streams.stream import HardStream, generate_hard_stream
from evaluation.replays.replay import Replay, replay
from evaluation.scores.hard_scores import HardScores, score_hard_articles
from evaluation.scores.metrics import Labels
from evaluation.scores.stream_scores import Scores, StreamScores, found_labels, macro_average, score_replay
from evaluation.streams.encoder_cache import configured_encoder, print_progress
from evaluation.streams.event_stream import EventStream, build_event_stream
from evaluation.streams.files import StreamRequest, read_requested
from evaluation.streams.stream import Stream
from newsloom.contracts.vector import ArticleVector
from newsloom.streaming.errors import ConfigurationError
from services.clusterer.core.parameters import Parameters


class Results(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The scores by stream, and their average over the labelled streams with dates.

    `hard` has the scores of hard articles by stream, `macro_mixed` the average over the labelled streams with hard articles
    mixed in, whose gold stories are the labelled ones. Without a labelled stream, `macro` is the average of the hard ones.
    """

    sets: dict[str, StreamScores]
    macro: Scores
    hard: dict[str, HardScores] = {}
    macro_mixed: Scores | None = None

    def to_json(self) -> str:
        """Return the results as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self)).decode() + "\n"


def evaluate_streams(
    request: StreamRequest, *, hard_share: float, arrival: ArrivalRates, granularity: float, with_baselines: bool
) -> Results:
    """Replay and score the requested streams; raises ConfigurationError.

    Hard streams are generated, with these rates of disorder. They are also mixed into each labelled stream: `hard_share` times
    its own articles.
    """
    labelled, hard, mixed = _read(request, hard_share, arrival)
    encoder = configured_encoder(request.cache)
    parameters = Parameters().at_granularity(granularity)
    scores, outcomes = {}, {}
    for stream in [*labelled, *(one.stream for one in (*hard, *mixed))]:
        ready = build_event_stream(stream, encoder)
        print_progress(f"{stream.name}: replay")
        outcome = replay_in_subprocess(ready.events, parameters)
        baselines: Mapping[str, Labels] = {}
        if with_baselines:
            observations = observations_of(stream, ready.events, encoder)
            baselines = _baseline_labels(ready, observations, request.cache / "baselines")
        scores[stream.name] = score_replay(
            ready.gold, outcome, replayed=len(ready.events), rejected=ready.rejected, baselines=baselines
        )
        outcomes[stream.name] = outcome
    in_macro = [one.name for one in labelled if one.in_macro] or [one.stream.name for one in hard]
    return Results(
        sets=scores,
        macro=macro_average([scores[name] for name in in_macro]),
        hard={one.stream.name: score_hard_articles(one.labels, outcomes[one.stream.name]) for one in (*hard, *mixed)},
        macro_mixed=macro_average([scores[one.stream.name] for one in mixed]) if mixed else None,
    )


def _read(
    request: StreamRequest, hard_share: float, arrival: ArrivalRates
) -> tuple[list[Stream], list[HardStream], list[HardStream]]:
    """Return the labelled streams, the hard streams, and the labelled streams with hard articles mixed in."""
    names, wanted = split_names(request.sets, arrival=arrival)
    if hard_share and not wanted:
        raise ConfigurationError("--hard-share needs a hard stream to mix in: add one to the sets, such as hard-1")
    labelled = read_requested(request, names) if names or not wanted else []
    hard = [generate_hard_stream(one) for one in wanted]
    if not hard_share:
        return labelled, hard, []
    return (
        labelled,
        hard,
        [mix_into(stream, one, share=hard_share) for one in wanted for stream in labelled if stream.in_macro],
    )


def replay_in_subprocess(events: Sequence[ArticleVector], parameters: Parameters) -> Replay:
    """Replay in a process of its own, so that the measured memory is the replay's alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(replay, events, parameters).result()


def _baseline_labels(stream: EventStream, observations: Observations, folder: Path) -> dict[str, Labels]:
    found: dict[str, Labels] = {}
    for name, baseline in BASELINES.items():
        print_progress(f"{stream.name}: {name}")
        labels = map(str, cached_labels(name, baseline, observations, folder))
        stories = dict(zip((event.article_id for event in stream.events), labels, strict=True))
        found[name] = found_labels(stream.gold, stories)
    return found
