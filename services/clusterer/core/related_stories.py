"""Related stories: those of the same saga, found by HDBSCAN over the centroids of stories."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from newsloom.contracts.story import RELATED_MAX
from services.clusterer.core.density import Matrix, find_clusters
from services.clusterer.core.fixed_point import SCALE
from services.clusterer.core.space import StorySpace
from services.clusterer.core.story import LiveStory

STORIES_MIN: Final = 5
"""With fewer stories, densities mean nothing."""
STORIES_MAX: Final = 1_000
"""Limits the time (about 50 ms) and memory (8 MB a matrix) of one search, which grow with the square."""


def find_related_stories(stories: Sequence[LiveStory], space: StorySpace) -> dict[str, tuple[str, ...]]:
    """Return the ids of the other stories in each story's cluster, the nearest first.

    At most `STORIES_MAX` stories are compared and returned: stories of several reports before those of one, and of either
    the ones with the latest articles. The order of `stories` makes no difference.
    """
    latest = heapq.nlargest(
        STORIES_MAX, stories, key=lambda story: (story.report_count > 1, story.last_published_at, story.id)
    )
    ordered = sorted(latest, key=lambda story: story.id)
    if len(ordered) < STORIES_MIN:
        return {story.id: () for story in ordered}
    slots = [story.slot for story in ordered]
    centroids = space.vectors(slots) / (space.lengths[slots] * SCALE)[:, None]
    cosines = centroids @ centroids.T
    # Choose leaves: the excess of mass would merge whole subjects.
    labels = np.array(find_clusters(np.sqrt(np.clip(2 - 2 * cosines, 0, None)), choose="leaf"))
    return {story.id: _nearest(row, ordered, labels, cosines) for row, story in enumerate(ordered)}


def _nearest(row: int, stories: Sequence[LiveStory], labels: npt.NDArray[np.int64], cosines: Matrix) -> tuple[str, ...]:
    if labels[row] < 0:
        return ()
    others = [other for other in np.flatnonzero(labels == labels[row]).tolist() if other != row]
    others.sort(key=lambda other: (-float(cosines[row, other]), stories[other].id))
    return tuple(stories[other].id for other in others[:RELATED_MAX])
