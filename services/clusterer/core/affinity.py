"""How stories relate to each other."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from newsloom.contracts.story import RELATED_MAX
from services.clusterer.core.density import Matrix, find_clusters
from services.clusterer.core.fixed_point import SCALE
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import MILLISECOND, StorySpace
from services.clusterer.core.story import LiveStory

STORIES_MIN: Final = 5
"""Below this, densities say nothing."""
STORIES_MAX: Final = 1_000
"""Bounds the time (some 50 ms) and memory (8 MB a matrix) of one look, which grow with the square."""


class ReportGroup(NamedTuple):
    """What the affinity of some reports with others depends on: their number, the similarities of their pairs, their time.

    `pair_sum` adds up the similarities of all pairs, `mean_time` is in milliseconds.
    """

    reports: int
    pair_sum: float
    mean_time: float


def story_affinity(slot: int, other: int, space: StorySpace, parameters: Parameters) -> float:
    """The affinity of two stories, by their slots."""
    return group_affinity(_group(slot, space), _group(other, space), space.cross_mean(slot, other), parameters)


def group_affinity(one: ReportGroup, other: ReportGroup, cross_mean: float, parameters: Parameters) -> float:
    """How much two groups of reports are one: half their mean cross similarity, relative to how tight both are, x time decay.

    A pair of loose stories is merged at a similarity at which two tight ones are still told apart.
    """
    tightness = math.sqrt(_cohesion(one, parameters) * _cohesion(other, parameters))
    decay = math.exp(-abs(one.mean_time - other.mean_time) / (parameters.decay / MILLISECOND))
    return 0.5 * cross_mean / tightness * decay


def _group(slot: int, space: StorySpace) -> ReportGroup:
    count = int(space.counts[slot])
    return ReportGroup(count, space.pair_sum(slot), float(space.times[slot]) / count)


def _cohesion(group: ReportGroup, parameters: Parameters) -> float:
    prior = parameters.cohesion_prior_pairs
    pairs = group.reports * (group.reports - 1) / 2
    return (max(group.pair_sum, 0.0) + prior * parameters.cohesion_prior) / (pairs + prior)


def related_stories(stories: Sequence[LiveStory], space: StorySpace) -> dict[str, tuple[str, ...]]:
    """For each story the others of its saga, nearest first: the clusters HDBSCAN finds over the stories' centroids.

    Only `STORIES_MAX` stories are looked at, and in the answer: those that more than one report tells before the others, and
    of either those with the latest articles. The order of `stories` makes no difference.
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
    # Leaves: the excess of mass merges whole subjects.
    labels = np.array(find_clusters(np.sqrt(np.clip(2 - 2 * cosines, 0, None)), choose="leaf"))
    return {story.id: _nearest(place, ordered, labels, cosines) for place, story in enumerate(ordered)}


def _nearest(
    place: int, stories: Sequence[LiveStory], labels: npt.NDArray[np.int64], cosines: Matrix
) -> tuple[str, ...]:
    if labels[place] < 0:
        return ()
    others = [other for other in np.flatnonzero(labels == labels[place]).tolist() if other != place]
    others.sort(key=lambda other: (-float(cosines[place, other]), stories[other].id))
    return tuple(stories[other].id for other in others[:RELATED_MAX])
