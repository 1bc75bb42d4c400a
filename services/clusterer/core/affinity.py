"""The affinity of two stories, by which the engine merges them."""

from __future__ import annotations

import math
from typing import NamedTuple

from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import MILLISECOND, StorySpace


class ReportGroup(NamedTuple):
    """What affinity depends on: the number of reports, the sum of the similarities of all their pairs, their mean time.

    `mean_time` is Unix time in milliseconds.
    """

    reports: int
    pair_sum: float
    mean_time: float


def story_affinity(slot: int, other: int, space: StorySpace, parameters: Parameters) -> float:
    """Return the affinity of the stories in two slots."""
    return group_affinity(_group(slot, space), _group(other, space), space.cross_mean(slot, other), parameters)


def group_affinity(one: ReportGroup, other: ReportGroup, cross_mean: float, parameters: Parameters) -> float:
    """Return half the mean similarity across two groups, relative to the cohesion within them, times a decay over time.

    Two loose stories so merge at a similarity at which two tight ones do not.
    """
    cohesion = math.sqrt(_cohesion(one, parameters) * _cohesion(other, parameters))
    decay = math.exp(-abs(one.mean_time - other.mean_time) / (parameters.decay / MILLISECOND))
    return 0.5 * cross_mean / cohesion * decay


def _group(slot: int, space: StorySpace) -> ReportGroup:
    count = int(space.counts[slot])
    return ReportGroup(count, space.pair_sum(slot), float(space.times[slot]) / count)


def _cohesion(group: ReportGroup, parameters: Parameters) -> float:
    prior = parameters.cohesion_prior_pairs
    pairs = group.reports * (group.reports - 1) / 2
    return (max(group.pair_sum, 0.0) + prior * parameters.cohesion_prior) / (pairs + prior)
