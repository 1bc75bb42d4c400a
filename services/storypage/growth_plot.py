"""The growth of a story as the points of a small SVG plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from newsloom.contracts.story import HistoryEntry

WIDTH: Final = 320
HEIGHT: Final = 56
MARGIN: Final = 4
COUNTS_MIN: Final = 2


def growth_path(history: Sequence[HistoryEntry]) -> str:
    """Return the path of a step line through the article counts, over time; empty for fewer than two counts."""
    if len(history) < COUNTS_MIN:
        return ""
    begin, end = history[0].at, history[-1].at
    span_s = (end - begin).total_seconds()
    top = max(entry.article_count for entry in history) or 1
    points = []
    for index, entry in enumerate(history):
        # All at one time, as in an archive: by their order.
        share = (entry.at - begin).total_seconds() / span_s if span_s else index / (len(history) - 1)
        x = MARGIN + share * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - entry.article_count / top * (HEIGHT - 2 * MARGIN)
        points.append((x, y))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    return path + "".join(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])
