"""Search for parameters, and measure what the search is worth on a stream it never saw: `python -m evaluation.tune`.

For each labelled stream the parameters are searched for on the other streams alone, and scored on the held-out stream: the mean
of these scores is the honest figure. A search on all streams follows. Hard streams take part in each search as one more stream
each, and are never held out.

A search maximizes the mean B-cubed F1 of replays through the core, in the streams' own order. All searches begin with the same
points, so these are replayed once. Every replay is kept in the cache, so the same command continues an interrupted
search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Final

import click

from evaluation.cli.options import stream_options, trial_options
from evaluation.cli.program import run_program
from evaluation.hard_streams.stream import PREFIX
from evaluation.output.results_files import publish_page
from evaluation.output.tables import share, table
from evaluation.scores.trials import Trials
from evaluation.streams.encoder_cache import configured_encoder, print_progress
from evaluation.streams.event_stream import build_event_stream, read_macro_streams
from evaluation.streams.files import StreamRequest
from evaluation.streams.stream import shuffle_ties
from evaluation.tuning.search import ELITE, SearchSize, search
from evaluation.tuning.space import SPACE
from services.clusterer.core.parameters import Parameters

STREAMS_MIN: Final = 3
"""With fewer streams a search would see a single one when another is held out."""
SCORED_ORDERS: Final = 3


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The parameters found without a stream (None: on all), and their mean F1 on the streams that count.

    These are the held-out stream, or all labelled streams. `shuffled` is the mean over other orders.
    """

    name: str
    held_out: str | None
    parameters: Parameters
    in_order: float
    shuffled: float


@click.command(name="evaluation.tune")
@stream_options
@click.option(
    "--points", metavar="N", type=click.IntRange(min=ELITE), default=64, show_default=True, help="Points tried first."
)
@click.option("--rounds", metavar="N", type=click.IntRange(min=0), default=2, show_default=True, help="Further rounds.")
@click.option(
    "--round-points", metavar="N", type=click.IntRange(min=1), default=16, show_default=True, help="Points of a round."
)
@click.option("--seed", metavar="N", type=int, default=1, show_default=True)
@trial_options
def command(
    *, request: StreamRequest, points: int, rounds: int, round_points: int, seed: int, processes: int | None, keep: Path
) -> None:
    """Search for parameters with each labelled stream held out in turn, and score them on it; then search on all streams.

    The bounds of the search are in evaluation/tuning/space.py. The scores are cached in `trials.jsonl` in the cache folder.
    """
    streams = read_macro_streams(request)
    labelled = [one.name for one in streams if not one.name.startswith(PREFIX)]
    if len(labelled) < STREAMS_MIN:
        raise click.UsageError(
            f"holding one stream out needs {STREAMS_MIN} labelled streams or more, not {len(labelled)}"
        )
    encoder = configured_encoder(request.cache)
    ready = [build_event_stream(one, encoder) for one in streams]
    names = [one.name for one in ready]
    with Trials(ready, request.cache, processes=processes) as trials:
        found = find_parameters(trials, names, labelled, SearchSize(points, rounds, round_points, seed))
        in_order = [_mean_f1(trials, one, _scored(held_out, labelled)) for held_out, one in found]
        cost = f"{trials.replays:,} replays of {trials.configurations:,} points took {trials.seconds / 3600:.1f} hours of CPU."
    shuffled: list[list[float]] = []
    for number in range(1, SCORED_ORDERS + 1):
        order = [build_event_stream(shuffle_ties(one, number), encoder) for one in streams if one.name in labelled]
        with Trials(order, request.cache, processes=processes) as trials:
            shuffled.append([_mean_f1(trials, one, _scored(held_out, labelled)) for held_out, one in found])
    results = [
        SearchResult(_row_name(held_out, one), held_out, one, own, fmean(others))
        for (held_out, one), own, *others in zip(found, in_order, *shuffled, strict=True)
    ]
    publish_page(keep / "tune.md", "Tuning", cost, scores_table(results), values_table(results))


def find_parameters(
    trials: Trials, streams: Sequence[str], labelled: Sequence[str], size: SearchSize
) -> list[tuple[str | None, Parameters]]:
    """Return the parameters found with each labelled stream held out, those found on all streams, and the shipped ones."""
    found: list[tuple[str | None, Parameters]] = []
    for held_out in (*labelled, None):
        seen = [name for name in streams if name != held_out]
        print_progress(f"searching on {', '.join(seen)}")
        found.append((held_out, search(partial(_means, trials, seen), size)))
    return [*found, (None, Parameters())]


def _means(trials: Trials, streams: Sequence[str], points: Sequence[Parameters]) -> list[float]:
    return [fmean(b3.f1 for b3 in by_stream.values()) for by_stream in trials.run(points, streams)]


def _mean_f1(trials: Trials, parameters: Parameters, streams: Sequence[str]) -> float:
    [mean] = _means(trials, streams, [parameters])
    return mean


def _scored(held_out: str | None, labelled: Sequence[str]) -> Sequence[str]:
    return labelled if held_out is None else [held_out]


def _row_name(held_out: str | None, parameters: Parameters) -> str:
    if held_out is not None:
        return f"without {held_out}"
    return "as shipped" if parameters == Parameters() else "on all"


def scores_table(results: Sequence[SearchResult]) -> str:
    """Return the F1 of each search on its held-out stream, their mean, and the mean F1 of values that have seen all streams."""
    unseen = [one for one in results if one.held_out is not None]
    mean = ("mean where held out", fmean(one.in_order for one in unseen), fmean(one.shuffled for one in unseen))
    rows = [
        *((one.name, one.in_order, one.shuffled) for one in unseen),
        mean,
        *((f"{one.name}, mean of the labelled", one.in_order, one.shuffled) for one in results if one.held_out is None),
    ]
    heads = ["searched", "F1 in order", f"mean of {SCORED_ORDERS} shuffles"]
    return table(heads, [[name, share(own), share(others)] for name, own, others in rows])


def values_table(results: Sequence[SearchResult]) -> str:
    """Return the values that each search found, and the shipped ones."""
    values = [[name, *(_formatted(getattr(one.parameters, name)) for one in results)] for name in SPACE]
    return table(["value", *(one.name for one in results)], values)


def _formatted(value: float | timedelta) -> str:
    return f"{value / timedelta(days=1):.3g} days" if isinstance(value, timedelta) else f"{value:.3g}"


if __name__ == "__main__":
    run_program(command)
