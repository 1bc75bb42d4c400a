"""DBSCAN over the whole stream at once, unlike any online system. Source: Ester et al. 1996, by scikit-learn."""

from __future__ import annotations

from typing import Final

from sklearn.cluster import DBSCAN

from evaluation.baselines.observations import Observations, separate_noise

EPS: Final = 0.3
"""Cosine distance."""
CLUSTER_MIN: Final = 2
"""Half of all stories have two articles."""


def dbscan(observations: Observations) -> list[int]:
    """Return one label per article, in the order of replay."""
    model = DBSCAN(eps=EPS, min_samples=CLUSTER_MIN, metric="cosine", algorithm="brute")
    return separate_noise(model.fit_predict(observations.vectors).tolist())
