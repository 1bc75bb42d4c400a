"""Single link: an article joins the story of the nearest article of the last week. Known to chain stories together."""

from __future__ import annotations

from typing import Final

import numpy as np

from evaluation.baselines.observations import Observations

JOIN: Final = 0.65
WINDOW_DAYS: Final = 7.0


def nearest_member(observations: Observations) -> list[int]:
    """Return one label per article, in the order of replay."""
    labels: list[int] = []
    for index, day in enumerate(observations.days):
        # Articles are sorted by time: the window is a slice.
        first = int(np.searchsorted(observations.days, day - WINDOW_DAYS))
        scores = observations.vectors[first:index] @ observations.vectors[index]
        nearest = first + int(scores.argmax()) if scores.size else -1
        labels.append(labels[nearest] if nearest >= 0 and scores[nearest - first] >= JOIN else index)
    return labels
