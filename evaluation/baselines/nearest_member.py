"""Single link: an article joins the story of the nearest article of the last week. It chains; that is the point of it."""

from __future__ import annotations

from typing import Final

import numpy as np

from evaluation.baselines.observations import Observed

JOIN: Final = 0.65
WINDOW_DAYS: Final = 7.0


def nearest_member(observed: Observed) -> list[int]:
    """One label an article, in the order of replay."""
    labels: list[int] = []
    for place, day in enumerate(observed.days):
        # Replay is in order of time: the window is a run of articles.
        first = int(np.searchsorted(observed.days, day - WINDOW_DAYS))
        scores = observed.vectors[first:place] @ observed.vectors[place]
        near = first + int(scores.argmax()) if scores.size else -1
        labels.append(labels[near] if near >= 0 and scores[near - first] >= JOIN else place)
    return labels
