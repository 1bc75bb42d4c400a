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
from evaluation.streams.encoder_cache import print_progress
from evaluation.streams.event_stream import EventStream, load_event_streams, shuffle_ties
from evaluation.streams.files import StreamRequest
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
    streams = load_event_streams(request)
    labelled = [one for one in streams if not one.name.startswith(PREFIX)]
    if len(labelled) < STREAMS_MIN:
        raise click.UsageError(
            f"holding one stream out needs {STREAMS_MIN} labelled streams or more, not {len(labelled)}"
        )
    orders = [labelled, *([shuffle_ties(one, seed) for one in labelled] for seed in range(1, SCORED_ORDERS + 1))]
    everything = [*streams, *(one for order in orders[1:] for one in order)]
    names, held_out_names = [one.name for one in streams], [one.name for one in labelled]
    with Trials(everything, request.cache, processes=processes) as trials:
        found = find_parameters(trials, names, held_out_names, SearchSize(points, rounds, round_points, seed))
        scores = [[_f1_where_scored(trials, order, *one) for order in orders] for one in found]
        cost = f"{trials.replays:,} replays of {trials.configurations:,} points took {trials.seconds / 60:.0f} minutes of CPU."
    results = [
        SearchResult(_row_name(held_out, one), held_out, one, own, fmean(others))
        for (held_out, one), (own, *others) in zip(found, scores, strict=True)
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


def _f1_where_scored(
    trials: Trials, order: Sequence[EventStream], held_out: str | None, parameters: Parameters
) -> float:
    """Return F1 on the held-out stream in this order, or the mean over all labelled streams."""
    scored = [one.name for one in order if held_out is None or one.name.partition(", ")[0] == held_out]
    [mean] = _means(trials, scored, [parameters])
    return mean


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
