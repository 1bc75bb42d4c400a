"""Clusters by density. The only module that knows HDBSCAN."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from hdbscan import HDBSCAN

Matrix = npt.NDArray[np.float64]


def find_clusters(distances: Matrix, *, choose: Literal["leaf", "eom"]) -> list[int]:
    """The number of each row's cluster, -1 for noise, from distances of shape (rows, rows); at least two rows.

    `choose` says which clusters of the hierarchy count: its leaves, the tightest, or those with the excess of mass, the
    most lasting. The same matrix always gives the same clusters. Source: Campello, Moulavi, Sander 2013.
    """
    # A matrix of distances is made by BLAS many times faster than a tree finds neighbours in so many dimensions, and the
    # spanning tree over it is exact.
    model = HDBSCAN(
        metric="precomputed", algorithm="generic", min_cluster_size=2, min_samples=1, cluster_selection_method=choose
    )
    labels: list[int] = model.fit_predict(distances).tolist()
    return labels
