"""`newsloom evaluate` behind its options: streams to results."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from evaluation.baselines import BASELINES
from evaluation.baselines.label_cache import remembered
from evaluation.baselines.observations import Observed, observe
from evaluation.evaluate import Request
from evaluation.output.files import keep
from evaluation.output.summary import report
from evaluation.replays.replay import Replay, replay
from evaluation.scores.metrics import Labels
from evaluation.scores.stream_scores import Results, Score, labels_of, macro, score
from evaluation.streams.event_stream import Prepared, cached_encoder, prepare_stream, tell
from evaluation.streams.stream import Stream, read_streams
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.parameters import Parameters
from services.embedder.encoder import Encoder


def run(request: Request) -> str:
    """Evaluate as requested and return what is to be printed.

    Raises:
        ConfigurationError: the streams, the model or a setting cannot be used.

    """
    streams = read_streams(request.data, request.sets, request.undated)
    encoder = cached_encoder(request.cache)
    scores = {stream.name: _scored(stream, encoder, request) for stream in streams}
    results = Results(sets=scores, macro=macro([scores[stream.name] for stream in streams if stream.in_macro]))
    if request.keep is not None:
        keep(results, request.keep)
    if request.form == "json":
        return msgspec.json.format(msgspec.json.encode(results)).decode() + "\n"
    return report(results)


def _scored(stream: Stream, encoder: Encoder, request: Request) -> Score:
    ready = prepare_stream(stream, encoder)
    tell(f"{stream.name}: replay")
    outcome = replayed_alone(ready.events, Parameters().at_granularity(request.granularity))
    baselines: dict[str, Labels] = {}
    if request.with_baselines:
        baselines = _baselines(ready, observe(stream, ready.events, encoder), request.cache / "baselines")
    return score(ready.gold, outcome, replayed=len(ready.events), rejected=ready.rejected, baselines=baselines)


def replayed_alone(events: Sequence[ArticleVector], parameters: Parameters) -> Replay:
    """The replay in a process of its own, so that its memory is told from what came before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(replay, events, parameters).result()


def _baselines(ready: Prepared, observed: Observed, folder: Path) -> dict[str, Labels]:
    found: dict[str, Labels] = {}
    for name, baseline in BASELINES.items():
        tell(f"{ready.name}: {name}")
        numbers = map(str, remembered(name, baseline, observed, folder))
        stories = dict(zip((event.article_id for event in ready.events), numbers, strict=True))
        found[name] = labels_of(ready.gold, stories)
    return found
