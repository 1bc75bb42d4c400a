"""Show where B-cubed F1 is lost: `python -m evaluation.errors`.

B-cubed is a sum over pairs of articles. A pair of two gold stories in one story costs 2 / (articles x size of the story) of
precision; a pair of one gold story in two stories costs 2 / (articles x size of the gold story) of recall. The pairs are grouped
by their distance in time, and by the sizes of their stories; each grouping adds up to the whole loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

import click
import numpy as np
import numpy.typing as npt

from evaluation.cli.options import keep_option, stream_options
from evaluation.cli.program import run_program
from evaluation.output.results_files import publish_page
from evaluation.output.tables import table
from evaluation.streams.event_stream import load_event_streams
from evaluation.streams.files import StreamRequest
from evaluation.tuning.compiled_stream import CompiledStream, compile_stream
from evaluation.tuning.pairs import Integers
from services.clusterer.core.parameters import Parameters

ORDERS: Final = 6
"""The stream's own order is the first."""
NOTE: Final = f"""\
Means over {ORDERS} orders of the articles of each minute, by the compiled rules, in hundredths of B-cubed precision and recall.
The rows by distance in time add up to the whole loss, and so do the rows by the stories of the pairs."""

Selection = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WrongPairs:
    """The false or the missed pairs of a replay, each array (pairs,).

    `weights` are their costs and `days` the whole days between the two articles. `sizes` counts the articles of the story of a
    false pair; for a missed pair those of the smaller of the two parts of its gold story. `alone` is true where one of the
    articles is alone in its story.
    """

    weights: npt.NDArray[np.float64]
    days: Integers
    sizes: Integers
    alone: Selection


Rows = dict[str, Callable[[WrongPairs], Selection]]
"""Which wrong pairs a row of a table counts, by its name."""

FALSE: Final[Rows] = {
    "precision lost": lambda wrong: wrong.weights > 0,
    "- the same day": lambda wrong: wrong.days == 0,
    "- a day apart": lambda wrong: wrong.days == 1,
    "- 2 to 7 days": lambda wrong: (wrong.days >= 2) & (wrong.days <= 7),  # noqa: PLR2004 - as the name says
    "- more": lambda wrong: wrong.days > 7,  # noqa: PLR2004 - as the name says
    "- in a story of 2 to 4": lambda wrong: wrong.sizes <= 4,  # noqa: PLR2004 - as the name says
    "- of 5 to 12": lambda wrong: (wrong.sizes > 4) & (wrong.sizes <= 12),  # noqa: PLR2004 - as the name says
    "- of more": lambda wrong: wrong.sizes > 12,  # noqa: PLR2004 - as the name says
}
MISSED: Final[Rows] = {
    "recall lost": FALSE["precision lost"],
    **{name: FALSE[name] for name in ("- the same day", "- a day apart", "- 2 to 7 days", "- more")},
    "- one of them alone": lambda wrong: wrong.alone,
    "- one of them in a wrong story": lambda wrong: ~wrong.alone & (wrong.sizes == 1),
    "- the gold story in larger parts": lambda wrong: ~wrong.alone & (wrong.sizes > 1),
}


@click.command(name="evaluation.errors")
@stream_options
@keep_option()
def command(*, request: StreamRequest, keep: Path) -> None:
    """Replay labelled streams and group the pairs of articles that are wrongly together or wrongly apart."""
    streams = {stream.name: compile_stream(stream) for stream in load_event_streams(request)}
    publish_page(keep / "errors.md", "Errors", NOTE, *loss_tables(streams))


def loss_tables(streams: Mapping[str, CompiledStream]) -> list[str]:
    """Return two tables by stream: the cost of false pairs, and that of missed pairs."""
    found = [[find_wrong_pairs(stream, Parameters(), seed) for seed in range(ORDERS)] for stream in streams.values()]
    false = [[one for one, _ in orders] for orders in found]
    missed = [[other for _, other in orders] for orders in found]
    return [_loss_table(list(streams), *kind) for kind in ((FALSE, false), (MISSED, missed))]


def find_wrong_pairs(stream: CompiledStream, parameters: Parameters, seed: int) -> tuple[WrongPairs, WrongPairs]:
    """Return the false and the missed pairs of labelled articles after a replay; raises ValueError if that gives no result."""
    stories = stream.replay(parameters, seed)
    if stories is None:
        raise ValueError("too many open stories for the compiled rules")
    labelled = stream.gold >= 0
    gold, story, times = stream.gold[labelled], stories[labelled], stream.pairs.times[labelled]
    # A part is the articles of one gold story in one story: a number for each pair of labels.
    part = gold.astype(np.int64) * (int(story.max()) + 1) + story
    in_gold, in_story, in_part = _sizes(gold), _sizes(story), _sizes(part)
    same_gold, same_story = gold[:, None] == gold[None, :], story[:, None] == story[None, :]

    def wrong(selected: Selection, shared: Integers, parts: Integers) -> WrongPairs:
        one, other = np.nonzero(np.triu(selected, 1))
        return WrongPairs(
            weights=2 / (gold.size * shared[one]),
            days=np.abs(times[one] - times[other]).astype(np.int32),
            sizes=np.minimum(parts[one], parts[other]),
            alone=(in_story[one] == 1) | (in_story[other] == 1),
        )

    return wrong(same_story & ~same_gold, in_story, in_story), wrong(same_gold & ~same_story, in_gold, in_part)


def _sizes(labels: npt.NDArray[np.int32] | npt.NDArray[np.int64]) -> Integers:
    """Return for each article the number of articles with its label."""
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sizes: Integers = counts[inverse].astype(np.int32)
    return sizes


def _loss_table(names: Sequence[str], rows: Rows, found: Sequence[Sequence[WrongPairs]]) -> str:
    def mean_loss(select: Callable[[WrongPairs], Selection], orders: Sequence[WrongPairs]) -> float:
        return 100 * fmean(float(wrong.weights[select(wrong)].sum()) for wrong in orders)

    cells = [[row, *(f"{mean_loss(select, orders):.1f}" for orders in found)] for row, select in rows.items()]
    return table(["", *names], cells)


if __name__ == "__main__":
    run_program(command)
