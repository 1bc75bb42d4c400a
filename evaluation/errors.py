"""Show where B-cubed F1 is lost: `python -m evaluation.errors`.

B-cubed is a sum over pairs of articles. A pair of two gold stories in one story costs 2 / (articles x size of the story) of
precision; a pair of one gold story in two stories costs 2 / (articles x size of the gold story) of recall. The pairs are grouped
by their distance in time, and by the sizes of their stories; each grouping adds up to the whole loss.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
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
from evaluation.replays.replay import replay
from evaluation.scores.stream_scores import found_labels
from evaluation.streams.event_stream import EventStream, load_event_streams, shuffle_ties
from evaluation.streams.files import StreamRequest
from evaluation.streams.stream import Gold
from services.clusterer.core.parameters import Parameters

ORDERS: Final = 3
"""The stream's own order is the first."""
NOTE: Final = f"""\
Means over {ORDERS} orders of the articles of each moment, in hundredths of B-cubed precision and recall.
The rows by distance in time add up to the whole loss, and so do the rows by the stories of the pairs."""

Integers = npt.NDArray[np.int64]
Selection = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WrongPairs:
    """The false or the missed pairs of a replay, each array (pairs,).

    `weights` are their costs and `days` the calendar days between the two articles. `sizes` counts the articles of the story of a
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
    found = {stream.name: _wrong_pairs_by_order(stream) for stream in load_event_streams(request)}
    publish_page(keep / "errors.md", "Errors", NOTE, *loss_tables(found))


def _wrong_pairs_by_order(stream: EventStream) -> list[tuple[WrongPairs, WrongPairs]]:
    orders = [stream, *(shuffle_ties(stream, seed) for seed in range(1, ORDERS))]
    return [
        find_wrong_pairs(one.gold, found_labels(one.gold, replay(one.events, Parameters()).final)) for one in orders
    ]


def loss_tables(found: Mapping[str, Sequence[tuple[WrongPairs, WrongPairs]]]) -> list[str]:
    """Return two tables by stream: the cost of false pairs, and that of missed pairs. `found` has both for each order."""
    false = [[one for one, _ in orders] for orders in found.values()]
    missed = [[other for _, other in orders] for orders in found.values()]
    return [_loss_table(list(found), *kind) for kind in ((FALSE, false), (MISSED, missed))]


def find_wrong_pairs(gold: Gold, labels: Sequence[str]) -> tuple[WrongPairs, WrongPairs]:
    """Return the false and the missed pairs of labelled articles whose stories have these labels, in the order of `gold`."""
    expected, story = _numbers(gold.stories), _numbers(labels)
    days = np.array([day.toordinal() for day in gold.days])
    # A part is the articles of one gold story in one story: a number for each pair of labels.
    part = expected * (int(story.max()) + 1) + story
    in_gold, in_story, in_part = _sizes(expected), _sizes(story), _sizes(part)
    same_gold, same_story = expected[:, None] == expected[None, :], story[:, None] == story[None, :]

    def wrong(selected: Selection, shared: Integers, parts: Integers) -> WrongPairs:
        one, other = np.nonzero(np.triu(selected, 1))
        return WrongPairs(
            weights=2 / (expected.size * shared[one]),
            days=np.abs(days[one] - days[other]),
            sizes=np.minimum(parts[one], parts[other]),
            alone=(in_story[one] == 1) | (in_story[other] == 1),
        )

    return wrong(same_story & ~same_gold, in_story, in_story), wrong(same_gold & ~same_story, in_gold, in_part)


def _numbers(labels: Sequence[Hashable]) -> Integers:
    """Return a number for each label, the same one for equal labels."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return np.array([numbers[label] for label in labels], dtype=np.int64)


def _sizes(labels: Integers) -> Integers:
    """Return for each article the number of articles with its label."""
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sizes: Integers = counts[inverse]
    return sizes


def _loss_table(names: Sequence[str], rows: Rows, found: Sequence[Sequence[WrongPairs]]) -> str:
    def mean_loss(select: Callable[[WrongPairs], Selection], orders: Sequence[WrongPairs]) -> float:
        return 100 * fmean(float(wrong.weights[select(wrong)].sum()) for wrong in orders)

    cells = [[row, *(f"{mean_loss(select, orders):.1f}" for orders in found)] for row, select in rows.items()]
    return table(["", *names], cells)


if __name__ == "__main__":
    run_program(command)
