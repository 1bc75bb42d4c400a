"""Search for parameters, and measure what the search is worth on a stream it never saw: `python -m evaluation.tune`.

For each stream the parameters are searched for on the other streams alone, and scored on the held-out stream: the mean of these
scores is the honest figure. A search on all streams follows. The same seed, streams and code give the same values.

The search maximizes the mean B-cubed F1 over several orders of the articles of each moment, alone and within a background, by the
compiled rules; the core scores its result. One order is not enough: where dates are by the day, F1 differs by .01 between orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from typing import Final

import click

from evaluation.cli.options import stream_options, trial_options
from evaluation.cli.program import run_program
from evaluation.output.results_files import publish_page
from evaluation.output.tables import share, table
from evaluation.scores.comparison import compare
from evaluation.scores.trials import Trials
from evaluation.streams.background import within_background
from evaluation.streams.encoder_cache import configured_encoder, print_progress
from evaluation.streams.event_stream import EventStream, build_event_stream, read_macro_streams
from evaluation.streams.files import StreamRequest
from evaluation.streams.stream import shuffle_ties
from evaluation.tuning.compiled_stream import compile_stream
from evaluation.tuning.search import search
from evaluation.tuning.space import SPACE
from services.clusterer.core.parameters import Parameters

STREAMS_MIN: Final = 3
"""With fewer streams a search would see a single one when another is held out."""
SCORED_ORDERS: Final = 3


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The parameters found without a stream (None: on all), and the core's F1 by stream, in its own order and in others."""

    held_out: str | None
    parameters: Parameters
    in_order: dict[str, float]
    shuffled: dict[str, float]


@click.command(name="evaluation.tune")
@stream_options
@click.option("--generations", metavar="N", type=click.IntRange(min=1), default=60, show_default=True)
@click.option("--seed", metavar="N", type=int, default=1, show_default=True)
@trial_options
def command(*, request: StreamRequest, generations: int, seed: int, processes: int | None, keep: Path) -> None:
    """Search for parameters with each stream held out in turn, and score them on it; then search on all streams together.

    The bounds of the search are in evaluation/tuning/space.py. The scores are cached in `trials.jsonl` in the cache folder.
    """
    streams = read_macro_streams(request)
    if len(streams) < STREAMS_MIN:
        raise click.UsageError(f"holding one stream out needs {STREAMS_MIN} streams or more, not {len(streams)}")
    encoder = configured_encoder(request.cache)
    ready = [build_event_stream(stream, encoder) for stream in streams]
    found: dict[str | None, Parameters] = {
        stream.name: _search_on([one for one in ready if one is not stream], generations, seed) for stream in ready
    }
    # The shipped values were found on all streams: they are a finalist here, but not where a stream is held out.
    found[None] = _search_on(ready, generations, seed, finalists=[Parameters()])
    parameters = list(found.values())
    in_order = _score(ready, parameters, request, processes)
    orders = [
        [build_event_stream(shuffle_ties(one, number), encoder) for one in streams]
        for number in range(1, SCORED_ORDERS + 1)
    ]
    shuffled = [_score(order, parameters, request, processes) for order in orders]
    results = [
        SearchResult(held_out, parameters, own, _means(others))
        for (held_out, parameters), own, *others in zip(found.items(), in_order, *shuffled, strict=True)
    ]
    publish_page(keep / "tune.md", "Tuning", scores_table(results), values_table(results))


def _search_on(
    streams: Sequence[EventStream], generations: int, seed: int, finalists: Sequence[Parameters] = ()
) -> Parameters:
    print_progress(f"searching on {', '.join(stream.name for stream in streams)}")
    alone = [compile_stream(one) for one in streams]
    mixed = [
        compile_stream(within_background(one, [other for other in streams if other is not one])) for one in streams
    ]

    def mean_f1(parameters: Parameters, seeds: Sequence[int]) -> float:
        in_order, *shuffled = (fmean(one.f1(parameters, number) for one in alone) for number in seeds)
        within = fmean(one.f1(parameters, seeds[-1]) for one in mixed)
        # The stream's own order, in which figures are quoted, counts as much as all others together.
        return ((in_order + fmean(shuffled)) / 2 + within) / 2

    return search(mean_f1, generations=generations, seed=seed, finalists=finalists)


def _score(
    streams: Sequence[EventStream], found: Sequence[Parameters], request: StreamRequest, processes: int | None
) -> list[dict[str, float]]:
    numbered = {str(number): parameters for number, parameters in enumerate(found)}
    with Trials(streams, request.cache, processes=processes) as trials:
        return [row.f1 for row in compare(trials, [stream.name for stream in streams], numbered)]


def _means(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: fmean(score[name] for score in scores) for name in scores[0]}


def scores_table(results: Sequence[SearchResult]) -> str:
    """Return the F1 of each search on its held-out stream; the last row is the search on all, on the streams it saw."""
    unseen = [
        (f"without {one.held_out}", one.in_order[one.held_out], one.shuffled[one.held_out])
        for one in results
        if one.held_out is not None
    ]
    rows = [*unseen, ("mean where held out", fmean(row[1] for row in unseen), fmean(row[2] for row in unseen))]
    rows += [
        ("on all, where searched", fmean(one.in_order.values()), fmean(one.shuffled.values()))
        for one in results
        if one.held_out is None
    ]
    heads = ["searched", "F1 in order", f"mean of {SCORED_ORDERS} shuffles"]
    return table(heads, [[name, share(own), share(others)] for name, own, others in rows])


def values_table(results: Sequence[SearchResult]) -> str:
    """Return the values that each search found."""
    names = ["on all" if one.held_out is None else f"without {one.held_out}" for one in results]
    values = [[name, *(_formatted(getattr(one.parameters, name)) for one in results)] for name in SPACE]
    return table(["value", *names], values)


def _formatted(value: float | timedelta) -> str:
    return f"{value / timedelta(days=1):.3g} days" if isinstance(value, timedelta) else f"{value:.3g}"


if __name__ == "__main__":
    run_program(command)
