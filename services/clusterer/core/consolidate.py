"""How stories relate to each other. The only module that knows HDBSCAN."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
from hdbscan import HDBSCAN

from newsloom.contracts.story import RELATED_MAX
from services.clusterer.core.assign import decay
from services.clusterer.core.fixed_point import cosine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.story import LiveStory

STORIES_MIN: Final = 5
"""Below this, densities say nothing."""


def affinity(a: LiveStory, b: LiveStory, parameters: Parameters) -> float:
    """How much two stories are one: cosine of their sums x decay over the time between their spans."""
    gap = max(a.first_published_at - b.last_published_at, b.first_published_at - a.last_published_at, timedelta(0))
    return cosine(a.total, b.total) * decay(gap, parameters)


def related_stories(stories: Sequence[LiveStory]) -> dict[str, tuple[str, ...]]:
    """For each story the others of its saga, nearest first: the clusters HDBSCAN finds over the stories' centroids.

    Source: Campello, Moulavi, Sander 2013; leaf clusters, because the excess-of-mass choice merges whole subjects.
    The order of `stories` makes no difference.
    """
    ordered = sorted(stories, key=lambda story: story.id)
    if len(ordered) < STORIES_MIN:
        return {story.id: () for story in ordered}
    clusters: dict[int, list[LiveStory]] = {}
    for label, story in zip(_labels(ordered), ordered, strict=True):
        clusters.setdefault(label, []).append(story)
    found: dict[str, tuple[str, ...]] = {story.id: () for story in clusters.pop(-1, [])}
    for cluster in clusters.values():
        found.update({story.id: _nearest(story, cluster) for story in cluster})
    return found


def _labels(stories: Sequence[LiveStory]) -> list[int]:
    centroids = np.array([story.total for story in stories], dtype=np.float64)
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    # Exact minimum spanning tree on one thread: the same centroids always give the same clusters.
    model = HDBSCAN(
        min_cluster_size=2,
        min_samples=1,
        cluster_selection_method="leaf",
        algorithm="prims_balltree",
        approx_min_span_tree=False,
        core_dist_n_jobs=1,
    )
    labels: list[int] = model.fit_predict(centroids).tolist()
    return labels


def _nearest(story: LiveStory, cluster: Sequence[LiveStory]) -> tuple[str, ...]:
    others = [other for other in cluster if other is not story]
    others.sort(key=lambda other: (-cosine(story.total, other.total), other.id))
    return tuple(other.id for other in others[:RELATED_MAX])
