"""HDBSCAN over the last seven days, refitted for each day that has articles. Source: Campello, Moulavi, Sander 2013.

Published labels do not change: a day's articles take the most common label of their cluster's earlier articles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from hdbscan import HDBSCAN

from evaluation.baselines.observations import Observations, Rows, separate_noise

WINDOW_DAYS: Final = 7.0
CLUSTER_MIN: Final = 2
"""Half of all stories have two articles. Everything else is the library's default."""


def hdbscan_window(observations: Observations) -> list[int]:
    """Return one label per article, in the order of replay."""
    labels: list[int] = []
    for day in np.unique(np.floor(observations.days)):
        first, end = (int(i) for i in np.searchsorted(observations.days, [day + 1 - WINDOW_DAYS, day + 1]))
        clusters = _clusters(observations.vectors[first:end])
        labelled = _labels(clusters, labels[first:], free=len(labels))
        labels.extend(labelled[len(labels) - first :])
    return labels


def _clusters(vectors: Rows) -> list[int]:
    # HDBSCAN cannot build a tree from so few points.
    if len(vectors) <= CLUSTER_MIN:
        return list(range(len(vectors)))
    model = HDBSCAN(min_cluster_size=CLUSTER_MIN, core_dist_n_jobs=1)
    return separate_noise(model.fit_predict(vectors).tolist())


def _labels(clusters: Sequence[int], known: Sequence[int], *, free: int) -> list[int]:
    """Return a label per article: the most common known label of its cluster, or a new one from `free` on."""
    votes: dict[int, Counter[int]] = {}
    for cluster, label in zip(clusters, known, strict=False):
        votes.setdefault(cluster, Counter())[label] += 1
    labels = {cluster: counts.most_common(1)[0][0] for cluster, counts in votes.items()}
    for index, cluster in enumerate(clusters):
        # The article's index in the stream: no earlier article can have it as its label.
        labels.setdefault(cluster, free + index - len(known))
    return [labels[cluster] for cluster in clusters]
