"""HDBSCAN over the last seven days, fitted anew for each day that has articles. Source: Campello, Moulavi, Sander 2013.

Published labels stay: a day's articles take the label that most of their cluster's earlier articles have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from hdbscan import HDBSCAN

from evaluation.baselines.observations import Observed, Rows, noise_alone

WINDOW_DAYS: Final = 7.0
CLUSTER_MIN: Final = 2
"""Half of all stories have two articles; the rest are the library's defaults."""


def hdbscan_window(observed: Observed) -> list[int]:
    """One label an article, in the order of replay."""
    labels: list[int] = []
    for day in np.unique(np.floor(observed.days)):
        first, end = (int(place) for place in np.searchsorted(observed.days, [day + 1 - WINDOW_DAYS, day + 1]))
        clusters = _clusters(observed.vectors[first:end])
        named = _names(clusters, labels[first:], free=len(labels))
        labels.extend(named[len(labels) - first :])
    return labels


def _clusters(vectors: Rows) -> list[int]:
    # Its tree needs a few points to be one.
    if len(vectors) <= CLUSTER_MIN:
        return list(range(len(vectors)))
    model = HDBSCAN(min_cluster_size=CLUSTER_MIN, core_dist_n_jobs=1)
    return noise_alone(model.fit_predict(vectors).tolist())


def _names(clusters: Sequence[int], known: Sequence[int], *, free: int) -> list[int]:
    """A label for each place: the commonest known one of its cluster, or a new one from `free` on."""
    votes: dict[int, Counter[int]] = {}
    for cluster, label in zip(clusters, known, strict=False):
        votes.setdefault(cluster, Counter())[label] += 1
    names = {cluster: counts.most_common(1)[0][0] for cluster, counts in votes.items()}
    for place, cluster in enumerate(clusters):
        # The place in the stream: no earlier article can have had it for a label.
        names.setdefault(cluster, free + place - len(known))
    return [names[cluster] for cluster in clusters]
