"""Where B-cubed F1 is lost: `python -m evaluation.errors`.

B-cubed is a sum over pairs of articles. Precision loses 2 / (articles x size of the story) by each pair in one story that is of
two gold stories; recall loses 2 / (articles x size of the gold story) by each pair of one gold story in two stories. So what is
lost is told, to the last bit, by what its pairs have in common: how far apart in time they are, and what became of them.
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

from evaluation.evaluate import Request, keep_option, run_alone, stream_options
from evaluation.output.summary import provenance, table
from evaluation.replays.pairs import Numbers
from evaluation.streams.event_stream import cached_encoder, counted_streams, prepare_stream
from evaluation.tune import Ground, ground_of
from services.clusterer.core.parameters import Parameters

ORDERS: Final = 6
"""The stream's own order is the first."""
READING: Final = f"""\
Means over {ORDERS} orders of the articles of each minute, by the compiled rules, in hundredths of B-cubed precision and recall.
The rows of days add up to what is lost, and so do those of what became of the pairs."""

Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wrong:
    """The pairs of a kind that a replay got wrong, each array (pairs,).

    `weights` is what each takes away, `days` the whole days between its articles, `sizes` the articles of the story both are
    in, or of the smaller of the two parts of their gold story; `alone` says whether one of them is alone in its story.
    """

    weights: npt.NDArray[np.float64]
    days: Numbers
    sizes: Numbers
    alone: Chosen


FALSE: Final[dict[str, Callable[[Wrong], Chosen]]] = {
    "precision lost": lambda wrong: wrong.weights > 0,
    "- the same day": lambda wrong: wrong.days == 0,
    "- a day apart": lambda wrong: wrong.days == 1,
    "- 2 to 7 days": lambda wrong: (wrong.days >= 2) & (wrong.days <= 7),  # noqa: PLR2004 - as the name says
    "- more": lambda wrong: wrong.days > 7,  # noqa: PLR2004 - as the name says
    "- in a story of 2 to 4": lambda wrong: wrong.sizes <= 4,  # noqa: PLR2004 - as the name says
    "- of 5 to 12": lambda wrong: (wrong.sizes > 4) & (wrong.sizes <= 12),  # noqa: PLR2004 - as the name says
    "- of more": lambda wrong: wrong.sizes > 12,  # noqa: PLR2004 - as the name says
}
MISSED: Final[dict[str, Callable[[Wrong], Chosen]]] = {
    "recall lost": FALSE["precision lost"],
    **{name: FALSE[name] for name in ("- the same day", "- a day apart", "- 2 to 7 days", "- more")},
    "- one of them alone": lambda wrong: wrong.alone,
    "- one of them astray among others": lambda wrong: ~wrong.alone & (wrong.sizes == 1),
    "- the gold story in larger parts": lambda wrong: ~wrong.alone & (wrong.sizes > 1),
}


@click.command(name="evaluation.errors")
@stream_options
@keep_option
def command(*, request: Request, keep: Path) -> None:
    """Replay labelled streams and tell what the pairs have in common that are wrongly together or wrongly apart."""
    encoder = cached_encoder(request.cache)
    grounds = {stream.name: ground_of(prepare_stream(stream, encoder)) for stream in counted_streams(request)}
    text = f"# Errors\n\n{provenance()}\n{READING}\n\n{render(grounds)}"
    (keep / "errors.md").write_text(text)
    click.echo(text, nl=False)


def render(grounds: Mapping[str, Ground]) -> str:
    """Two tables: what false pairs take away, and missed ones, by stream."""
    found = [[wrong_pairs(ground, Parameters(), seed) for seed in range(ORDERS)] for ground in grounds.values()]
    false = [[one for one, _ in orders] for orders in found]
    missed = [[other for _, other in orders] for orders in found]
    return "\n\n".join(_table(list(grounds), *kind) for kind in ((FALSE, false), (MISSED, missed))) + "\n"


def wrong_pairs(ground: Ground, parameters: Parameters, seed: int) -> tuple[Wrong, Wrong]:
    """The false and the missed pairs of labelled articles after a replay in the seed's order.

    Raises:
        ValueError: more stories are open at once than the compiled rules have room for.

    """
    stories = ground.found(parameters, seed)
    if stories is None:
        raise ValueError("stories fall to pieces under these parameters")
    labelled = ground.gold >= 0
    gold, story, times = ground.gold[labelled], stories[labelled], ground.pairs.times[labelled]
    # Labels do not repeat over the two: a part is what one story holds of one gold story.
    part = gold.astype(np.int64) * (int(story.max()) + 1) + story
    in_gold, in_story, in_part = _sizes(gold), _sizes(story), _sizes(part)
    same_gold, same_story = gold[:, None] == gold[None, :], story[:, None] == story[None, :]

    def wrong(chosen: Chosen, shared: Numbers, parts: Numbers) -> Wrong:
        one, other = np.nonzero(np.triu(chosen, 1))
        return Wrong(
            weights=2 / (gold.size * shared[one]),
            days=np.abs(times[one] - times[other]).astype(np.int32),
            sizes=np.minimum(parts[one], parts[other]),
            alone=(in_story[one] == 1) | (in_story[other] == 1),
        )

    return wrong(same_story & ~same_gold, in_story, in_story), wrong(same_gold & ~same_story, in_gold, in_part)


def _sizes(labels: npt.NDArray[np.int32] | npt.NDArray[np.int64]) -> Numbers:
    """How many have the label of each."""
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sizes: Numbers = counts[places].astype(np.int32)
    return sizes


def _table(
    names: Sequence[str], rows: Mapping[str, Callable[[Wrong], Chosen]], found: Sequence[Sequence[Wrong]]
) -> str:
    return table(
        ["", *names],
        [
            [
                row,
                *(
                    f"{100 * fmean(float(wrong.weights[chosen(wrong)].sum()) for wrong in orders):.1f}"
                    for orders in found
                ),
            ]
            for row, chosen in rows.items()
        ],
    )


if __name__ == "__main__":
    run_alone(command)
