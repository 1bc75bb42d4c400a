"""Measure what each part and each value of the engine is worth: `python -m evaluation.ablation`.

Each row is one configuration, replayed over all streams: without a part, with the audit's proposals applied, or with one value a
fifth lower or higher. Without a part the scores change, so the bar's base is refitted to these same streams, which flatters the
rest. The shipped configuration is also replayed with the articles of each moment shuffled, to show how large differences by
chance are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from evaluation.cli.options import stream_options, trial_options
from evaluation.cli.program import run_program
from evaluation.output.plots import plot_changes
from evaluation.output.results_files import publish_page
from evaluation.output.tables import comparison_table
from evaluation.replays.audit_replay import audit_configurations
from evaluation.replays.variations import with_other_bars, with_other_numbers, without_parts
from evaluation.scores.comparison import SHIPPED, F1Row, changed_streams_row, compare
from evaluation.scores.trials import Configuration, Trials
from evaluation.streams.event_stream import load_event_streams, shuffle_ties
from evaluation.streams.files import StreamRequest
from services.clusterer.core.parameters import Parameters

SHUFFLES: Final = 3
NOTE: Final = """\
B-cubed F1 at the end of the replay. The rows "shuffled" are the shipped configuration with the articles of each moment in another
order: where dates are by the day, changes smaller than theirs mean nothing. Rows without a part use the base of the bar that is
best for them on these streams. "of the audit": HDBSCAN's proposals with at least that quorum, applied at the end of each day."""


@click.command(name="evaluation.ablation")
@stream_options
@trial_options
def command(*, request: StreamRequest, processes: int | None, keep: Path) -> None:
    """Remove each part of the engine, change each of its numbers by a fifth, and measure the effect on B-cubed F1."""
    shipped, *others = measure(request, processes)
    publish_page(keep / "ablation.md", "Ablation", NOTE, comparison_table(shipped, others))
    changes = {row.name: row.mean - shipped.mean for row in others}
    plot_changes(keep / "ablation.svg", changes, axis="change of macro B-cubed F1")


def measure(request: StreamRequest, processes: int | None) -> list[F1Row]:
    """Return all rows, the shipped configuration's first."""
    ready = load_event_streams(request)
    shuffled = {f"shuffled, seed {seed}": [shuffle_ties(one, seed) for one in ready] for seed in range(1, SHUFFLES + 1)}
    everything = [*ready, *(stream for some in shuffled.values() for stream in some)]
    shipped = Parameters()
    varied: dict[str, Configuration] = {
        SHIPPED: shipped,
        **audit_configurations(shipped),
        **with_other_numbers(shipped),
    }
    names = [stream.name for stream in ready]
    with Trials(everything, request.cache, processes=processes) as trials:
        first, *others = compare(trials, names, varied)
        shuffles = [changed_streams_row(trials, name, names, some, shipped) for name, some in shuffled.items()]
        return [first, *shuffles, *_rows_without_parts(trials, names, shipped), *others]


def _rows_without_parts(trials: Trials, names: Sequence[str], shipped: Parameters) -> list[F1Row]:
    """Return the best row without each part: otherwise a bar that no longer fits would count as the part's worth."""
    found = {part: with_other_bars(without) for part, without in without_parts(shipped).items()}
    varied = {f"{part}, bar_base {one.bar_base:g}": one for part, bars in found.items() for one in bars}
    rows = iter(compare(trials, names, varied))
    return [max([next(rows) for _ in bars], key=lambda row: row.mean) for bars in found.values()]


if __name__ == "__main__":
    run_program(command)
