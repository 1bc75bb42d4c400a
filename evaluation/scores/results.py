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
from evaluation.replays.replay import Replay, replay
from evaluation.scores.metrics import Labels
from evaluation.scores.stream_scores import Scores, StreamScores, found_labels, macro_average, score_replay
from evaluation.streams.encoder_cache import configured_encoder, print_progress
from evaluation.streams.event_stream import EventStream, build_event_stream
from evaluation.streams.files import StreamRequest, read_streams
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.parameters import Parameters


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The scores by stream, and their average over the streams with dates."""

    sets: dict[str, StreamScores]
    macro: Scores

    def to_json(self) -> str:
        """Return the results as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self)).decode() + "\n"


def evaluate_streams(request: StreamRequest, *, granularity: float, with_baselines: bool) -> Results:
    """Replay and score the requested streams; raises ConfigurationError."""
    streams = read_streams(request.data, request.sets, request.undated)
    encoder = configured_encoder(request.cache)
    parameters = Parameters().at_granularity(granularity)
    scores = {}
    for stream in streams:
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
    return Results(sets=scores, macro=macro_average([scores[one.name] for one in streams if one.in_macro]))


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
