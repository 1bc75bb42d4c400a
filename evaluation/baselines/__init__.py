"""Other systems that find stories, on the same vectors, each with one configuration for every stream.

A baseline returns one label per article, in the order of replay. Each article it calls noise is a story of its own.
"""

from __future__ import annotations

from typing import Final

from evaluation.baselines.dbscan import dbscan
from evaluation.baselines.greedy_centroid import greedy_centroid
from evaluation.baselines.hdbscan_window import hdbscan_window
from evaluation.baselines.label_cache import Baseline
from evaluation.baselines.nearest_member import nearest_member
from evaluation.baselines.river_clusterers import dbstream, textclust

BASELINES: Final[dict[str, Baseline]] = {
    "greedy centroid": greedy_centroid,
    "nearest member": nearest_member,
    "HDBSCAN, 7 days": hdbscan_window,
    "DBSCAN": dbscan,
    "river TextClust": textclust,
    "river DBSTREAM": dbstream,
}
