"""DBSCAN over the whole stream at once, which no online system has. Source: Ester et al. 1996, by scikit-learn."""

from __future__ import annotations

from typing import Final

from sklearn.cluster import DBSCAN

from evaluation.baselines.observations import Observed, noise_alone

EPS: Final = 0.3
"""Cosine distance; half of all stories have two articles, so that two make a cluster."""


def dbscan(observed: Observed) -> list[int]:
    """One label an article, in the order of replay."""
    model = DBSCAN(eps=EPS, min_samples=2, metric="cosine", algorithm="brute")
    return noise_alone(model.fit_predict(observed.vectors).tolist())
