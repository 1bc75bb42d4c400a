"""Greedy centroids: an article joins the most similar story or founds one; stories that become similar are merged.

The classic of topic detection and tracking (Allan et al. 1998). Thresholds chosen once, by hand, for all-MiniLM-L6-v2.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from evaluation.baselines.observations import Observations, Rows

JOIN: Final = 0.55
MERGE: Final = 0.75
SIGMA_DAYS: Final = 3.0
"""A similarity is multiplied by exp(-(days since the story's latest article)^2 / (2 sigma^2))."""


def greedy_centroid(observations: Observations) -> list[int]:
    """Return one label per article, in the order of replay."""
    stories = _Stories(len(observations.days), observations.vectors.shape[1])
    for vector, day in zip(observations.vectors, observations.days, strict=True):
        stories.add(vector, day)
    return stories.labels


class _Stories:
    def __init__(self, stories_max: int, dimension: int) -> None:
        self.sums: Rows = np.zeros((stories_max, dimension))
        self.centroids: Rows = np.zeros((stories_max, dimension))
        self.latest = np.full(stories_max, -np.inf)
        self.count = 0
        self.labels: list[int] = []

    def add(self, vector: npt.NDArray[np.float64], day: float) -> None:
        scores = self.scores(vector, day)
        best = int(scores.argmax()) if self.count else -1
        if best < 0 or scores[best] < JOIN:
            best = self.count
            self.count += 1
        self.labels.append(best)
        self.set_sum(best, self.sums[best] + vector, day)
        self.merge_with_nearest(best)

    def scores(self, vector: npt.NDArray[np.float64], day: float) -> npt.NDArray[np.float64]:
        gaps = day - self.latest[: self.count]
        scores: npt.NDArray[np.float64] = self.centroids[: self.count] @ vector
        return scores * np.exp(-(gaps**2) / (2 * SIGMA_DAYS**2))

    def set_sum(self, story: int, total: npt.NDArray[np.float64], day: float) -> None:
        self.sums[story] = total
        self.centroids[story] = total / np.linalg.norm(total)
        self.latest[story] = max(self.latest[story], day)

    def merge_with_nearest(self, story: int) -> None:
        scores = self.scores(self.centroids[story], self.latest[story])
        scores[story] = -1.0
        other = int(scores.argmax())
        if scores[other] < MERGE:
            return
        survivor, absorbed = sorted((story, other))
        latest = max(self.latest[survivor], self.latest[absorbed])
        self.set_sum(survivor, self.sums[survivor] + self.sums[absorbed], latest)
        self.centroids[absorbed] = 0.0
        self.labels = [survivor if label == absorbed else label for label in self.labels]
