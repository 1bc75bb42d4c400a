"""How stories relate to each other. The only module that knows HDBSCAN."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from hdbscan import HDBSCAN

from newsloom.contracts.story import RELATED_MAX
from services.clusterer.core.fixed_point import SCALE
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import MILLISECOND, StorySpace
from services.clusterer.core.story import LiveStory

STORIES_MIN: Final = 5
"""Below this, densities say nothing."""
STORIES_MAX: Final = 1_000
"""Bounds the time (some 50 ms) and memory (8 MB a matrix) of one look, which grow with the square."""

Matrix = npt.NDArray[np.float64]


def affinity(slot: int, other: int, space: StorySpace, parameters: Parameters) -> float:
    """How much two stories are one: half their mean cross similarity, relative to how tight both are, x time decay.

    A pair of loose stories is merged at a similarity at which two tight ones are still told apart.
    """
    tightness = math.sqrt(_cohesion(slot, space, parameters) * _cohesion(other, space, parameters))
    distance = abs(space.times[slot] / space.counts[slot] - space.times[other] / space.counts[other])
    decay = math.exp(-distance / (parameters.decay / MILLISECOND))
    return 0.5 * space.cross_mean(slot, other) / tightness * decay


def _cohesion(slot: int, space: StorySpace, parameters: Parameters) -> float:
    count = float(space.counts[slot])
    prior = parameters.cohesion_prior_pairs
    pairs = count * (count - 1) / 2
    return (max(space.pair_sum(slot), 0.0) + prior * parameters.cohesion_prior) / (pairs + prior)


def related_stories(stories: Sequence[LiveStory], space: StorySpace) -> dict[str, tuple[str, ...]]:
    """For each story the others of its saga, nearest first: the clusters HDBSCAN finds over the stories' centroids.

    Only `STORIES_MAX` stories are looked at, and in the answer: those that more than one report tells before the others, and
    of either those with the latest articles. Source: Campello, Moulavi, Sander 2013; leaf clusters, because the
    excess-of-mass choice merges whole subjects. The order of `stories` makes no difference.
    """
    latest = heapq.nlargest(
        STORIES_MAX, stories, key=lambda story: (story.report_count > 1, story.last_published_at, story.id)
    )
    ordered = sorted(latest, key=lambda story: story.id)
    if len(ordered) < STORIES_MIN:
        return {story.id: () for story in ordered}
    slots = [story.slot for story in ordered]
    centroids = space.sums[slots] / (space.lengths[slots] * SCALE)[:, None]
    cosines = centroids @ centroids.T
    labels = np.array(_labels(np.sqrt(np.clip(2 - 2 * cosines, 0, None))))
    return {story.id: _nearest(place, ordered, labels, cosines) for place, story in enumerate(ordered)}


def _labels(distances: Matrix) -> list[int]:
    # A matrix of distances is made by BLAS many times faster than a tree finds neighbours in so many dimensions. The
    # spanning tree over it is exact, so that the same centroids always give the same clusters.
    model = HDBSCAN(
        metric="precomputed", algorithm="generic", min_cluster_size=2, min_samples=1, cluster_selection_method="leaf"
    )
    labels: list[int] = model.fit_predict(distances).tolist()
    return labels


def _nearest(
    place: int, stories: Sequence[LiveStory], labels: npt.NDArray[np.int64], cosines: Matrix
) -> tuple[str, ...]:
    if labels[place] < 0:
        return ()
    others = [other for other in np.flatnonzero(labels == labels[place]).tolist() if other != place]
    others.sort(key=lambda other: (-float(cosines[place, other]), stories[other].id))
    return tuple(stories[other].id for other in others[:RELATED_MAX])
