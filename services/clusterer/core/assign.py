"""Which story an article belongs to: the best one by similarity x time decay, if it reaches the bar."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from services.clusterer.core.fixed_point import VectorSum, cosine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.story import LiveStory


class Candidate(NamedTuple):
    """A story and how well the article fits it."""

    score: float
    story: LiveStory


def ranked(
    vector: VectorSum, published_at: datetime, stories: Iterable[LiveStory], parameters: Parameters
) -> list[Candidate]:
    """The stories by exact score, best first; the lower id first on a tie.

    Stories further away in time than the window are left out.
    """
    scored = []
    for story in stories:
        gap = distance_to_span(published_at, story)
        if gap <= parameters.window:
            scored.append(Candidate(cosine(vector, story.total) * decay(gap, parameters), story))
    return sorted(scored, key=lambda candidate: (-candidate.score, candidate.story.id))


def distance_to_span(moment: datetime, story: LiveStory) -> timedelta:
    """How far the moment is from the time between the story's first and last article."""
    return max(story.first_published_at - moment, moment - story.last_published_at, timedelta(0))


def decay(gap: timedelta, parameters: Parameters) -> float:
    """exp(-gap / decay time)."""
    return math.exp(-(gap / parameters.decay))
