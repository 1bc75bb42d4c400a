"""What each part and each value of the engine is worth: `python -m evaluation.ablation`.

Every row is one configuration, replayed over all streams: without a part, with the audit's proposals carried out, or with one
value a fifth lower or higher. Without a part scores lie elsewhere, so that the bar's base is fitted anew to these very streams,
which flatters the rest. The shipped configuration is also replayed with the articles of each moment shuffled: smaller
differences than that makes are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Final

import click

from evaluation.evaluate import Request, run_alone, stream_options, trial_options
from evaluation.output.plots import differences
from evaluation.output.summary import MACRO, provenance, share, table
from evaluation.replays.audit_replay import audited_variants
from evaluation.replays.variations import refitted, stepped, without_parts
from evaluation.scores.trials import TRIALS_FILE, Configuration, Trials
from evaluation.streams.event_stream import Prepared, cached_encoder, counted_streams, prepare_stream
from evaluation.streams.stream import Stream, shuffled_within_ties
from services.clusterer.core.parameters import Parameters

SHIPPED: Final = "as shipped"
SHUFFLES: Final = 3
READING: Final = """\
B-cubed F1 at the end of the replay. The rows "shuffled" are the shipped configuration with the articles of each moment in another
order: where dates are by the day, smaller changes than theirs say nothing. Rows without a part have the base of the bar that is
best for them on these streams. "of the audit": HDBSCAN's proposals from that quorum on, carried out at the end of each day."""


@dataclass(frozen=True, slots=True)
class Row:
    """A configuration's B-cubed F1 by stream."""

    name: str
    f1: dict[str, float]

    @property
    def mean(self) -> float:
        """The macro average."""
        return fmean(self.f1.values())


@click.command(name="evaluation.ablation")
@stream_options
@trial_options
def command(*, request: Request, processes: int | None, keep: Path) -> None:
    """Leave out each part of the engine, move each of its numbers by a fifth, and see what that does to B-cubed F1."""
    shipped, *others = measure(request, processes)
    text = f"# Ablation\n\n{provenance()}\n{READING}\n\n{render(shipped, others)}"
    (keep / "ablation.md").write_text(text)
    changes = {row.name: row.mean - shipped.mean for row in others}
    differences(keep / "ablation.svg", changes, axis="change of macro B-cubed F1")
    click.echo(text, nl=False)


def measure(request: Request, processes: int | None) -> list[Row]:
    """All rows, the shipped configuration's first."""
    encoder = cached_encoder(request.cache)
    streams = counted_streams(request)
    ready = [prepare_stream(stream, encoder) for stream in streams]
    shuffled = {
        f"shuffled, seed {seed}": [prepare_stream(_shuffled(stream, seed), encoder) for stream in streams]
        for seed in range(1, SHUFFLES + 1)
    }
    everything = [*ready, *(stream for some in shuffled.values() for stream in some)]
    shipped = Parameters()
    varied: dict[str, Configuration] = {SHIPPED: shipped, **audited_variants(shipped), **stepped(shipped)}
    names = [stream.name for stream in ready]
    with Trials(everything, request.cache / TRIALS_FILE, processes=processes) as trials:
        first, *others = measured_rows(trials, names, varied)
        shuffles = [row_of(trials, name, names, some, shipped) for name, some in shuffled.items()]
        return [first, *shuffles, *_without_parts(trials, names, shipped), *others]


def measured_rows(trials: Trials, names: Sequence[str], varied: Mapping[str, Configuration]) -> list[Row]:
    """A row for each configuration, over the streams of these names."""
    found = trials.run(list(varied.values()), names)
    scores = [{stream: b3.f1 for stream, b3 in by_stream.items()} for by_stream in found]
    return [Row(name, f1) for name, f1 in zip(varied, scores, strict=True)]


def _shuffled(stream: Stream, seed: int) -> Stream:
    return replace(shuffled_within_ties(stream, seed), name=f"{stream.name}, seed {seed}")


def row_of(
    trials: Trials, name: str, names: Sequence[str], changed: Sequence[Prepared], configuration: Configuration
) -> Row:
    """One configuration's row over changed streams, under the names of those they were made of, in the same order."""
    [row] = measured_rows(trials, [stream.name for stream in changed], {name: configuration})
    return Row(name, dict(zip(names, row.f1.values(), strict=True)))


def _without_parts(trials: Trials, names: Sequence[str], shipped: Parameters) -> list[Row]:
    """For each part the best row without it: a bar that fits the other scores is not what the part is worth."""
    found = {part: refitted(without) for part, without in without_parts(shipped).items()}
    varied = {f"{part}, bar_base {one.bar_base:g}": one for part, fits in found.items() for one in fits}
    rows = iter(measured_rows(trials, names, varied))
    return [max([next(rows) for _ in fits], key=lambda row: row.mean) for fits in found.values()]


def render(shipped: Row, others: Sequence[Row]) -> str:
    """B-cubed F1 by stream and on average, and how the average differs from the shipped configuration's."""
    heads = ["configuration", *shipped.f1, MACRO, "change"]
    rows = [[row.name, *map(share, row.f1.values()), share(row.mean)] for row in (shipped, *others)]
    changes = ["", *(f"{row.mean - shipped.mean:+.4f}" for row in others)]
    return table(heads, [[*row, change] for row, change in zip(rows, changes, strict=True)]) + "\n"


if __name__ == "__main__":
    run_alone(command)
