"""Clusters by density."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from services.clusterer.core.density import Matrix, find_clusters


def distances(points: list[float]) -> Matrix:
    return np.abs(np.subtract.outer(points, points))


@pytest.mark.parametrize("choose", ["leaf", "eom"])
def test_dense_groups_are_clusters_and_a_point_far_from_them_is_noise(choose: Literal["leaf", "eom"]) -> None:
    labels = find_clusters(distances([0, 0.1, 0.2, 9, 9.1, 9.2, 50]), choose=choose)
    assert labels[0] == labels[1] == labels[2] != labels[3] == labels[4] == labels[5]
    assert labels[6] == -1
    assert min(labels[0], labels[3]) >= 0


def test_leaves_are_finer_than_the_excess_of_mass() -> None:
    pairs = distances([0, 0.1, 0.25, 0.35, 9, 9.1, 9.25, 9.35])
    assert len(set(find_clusters(pairs, choose="leaf"))) == 4
    assert len(set(find_clusters(pairs, choose="eom"))) == 2
