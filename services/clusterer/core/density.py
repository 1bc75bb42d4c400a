"""Clusters by density: the only module that uses HDBSCAN."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from hdbscan import hdbscan

Matrix = npt.NDArray[np.float64]


def find_clusters(distances: Matrix, *, choose: Literal["leaf", "eom"]) -> list[int]:
    """Return the cluster number of each row, -1 for noise, from distances of shape (rows, rows), with at least two rows.

    `choose` selects clusters of the hierarchy: its leaves, which are the tightest, or those with the largest excess of mass,
    which are the most persistent. The same matrix always gives the same clusters. Source: Campello, Moulavi, Sander 2013.
    """
    # Use a precomputed matrix: in this many dimensions BLAS computes it many times faster than a tree finds neighbours, and
    # the spanning tree is exact.
    # The function, because the class of the same name checks the matrix a second time.
    labels, *_ = hdbscan(
        distances,
        metric="precomputed",
        algorithm="generic",
        min_cluster_size=2,
        min_samples=1,
        cluster_selection_method=choose,
    )
    found: list[int] = labels.tolist()
    return found
