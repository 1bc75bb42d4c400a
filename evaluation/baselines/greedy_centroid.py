"""Greedy centroids: join the most similar story, or found one; stories that have grown alike become one.

The classic of topic detection and tracking (Allan et al. 1998). Bars chosen once, by hand, for all-MiniLM-L6-v2.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from evaluation.baselines.observations import Observed, Rows

JOIN: Final = 0.55
MERGE: Final = 0.75
SIGMA_DAYS: Final = 3.0
"""Similarity x exp(-(days since the story's latest article)^2 / (2 sigma^2))."""


def greedy_centroid(observed: Observed) -> list[int]:
    """One label an article, in the order of replay."""
    return _Stories(len(observed.days), observed.vectors.shape[1]).follow(observed)


class _Stories:
    def __init__(self, most: int, dimension: int) -> None:
        self.sums: Rows = np.zeros((most, dimension))
        self.centroids: Rows = np.zeros((most, dimension))
        self.latest = np.full(most, -np.inf)
        self.count = 0
        self.labels: list[int] = []

    def follow(self, observed: Observed) -> list[int]:
        for vector, day in zip(observed.vectors, observed.days, strict=True):
            scores = self.scores(vector, day)
            best = int(scores.argmax()) if self.count else -1
            if best < 0 or scores[best] < JOIN:
                best = self.count
                self.count += 1
            self.labels.append(best)
            self.put(best, self.sums[best] + vector, day)
            self.merge_with_nearest(best)
        return self.labels

    def scores(self, vector: npt.NDArray[np.float64], day: float) -> npt.NDArray[np.float64]:
        gaps = day - self.latest[: self.count]
        scores: npt.NDArray[np.float64] = self.centroids[: self.count] @ vector
        return scores * np.exp(-(gaps**2) / (2 * SIGMA_DAYS**2))

    def put(self, story: int, total: npt.NDArray[np.float64], day: float) -> None:
        self.sums[story] = total
        self.centroids[story] = total / np.linalg.norm(total)
        self.latest[story] = max(self.latest[story], day)

    def merge_with_nearest(self, story: int) -> None:
        scores = self.scores(self.centroids[story], self.latest[story])
        scores[story] = -1.0
        other = int(scores.argmax())
        if scores[other] < MERGE:
            return
        kept, gone = sorted((story, other))
        self.put(kept, self.sums[kept] + self.sums[gone], max(self.latest[kept], self.latest[gone]))
        self.centroids[gone] = 0.0
        self.labels = [kept if label == gone else label for label in self.labels]
