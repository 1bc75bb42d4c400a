"""The affinity of two groups of reports."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.affinity import ReportGroup, group_affinity
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import MILLISECOND

PARAMETERS = Parameters(cohesion_prior=0.5, cohesion_prior_pairs=2.0, decay=timedelta(days=1))
DAY = timedelta(days=1) / MILLISECOND


def group(reports: int, similarity: float, day: float = 0.0) -> ReportGroup:
    """Build a group whose pairs all have this similarity."""
    return ReportGroup(reports, math.comb(reports, 2) * similarity, day * DAY)


groups = st.builds(group, st.integers(1, 20), st.floats(0, 1), st.floats(-5, 5))


@given(groups, groups, st.floats(-1, 1))
def test_affinity_is_symmetric(one: ReportGroup, other: ReportGroup, cross_mean: float) -> None:
    assert group_affinity(one, other, cross_mean, PARAMETERS) == group_affinity(other, one, cross_mean, PARAMETERS)


def test_lone_reports_have_the_prior_cohesion() -> None:
    assert group_affinity(group(1, 0), group(1, 0), 0.4, PARAMETERS) == pytest.approx(0.5 * 0.4 / 0.5)


def test_tight_groups_need_more_similarity() -> None:
    loose, tight = group(10, 0.2), group(10, 0.9)
    assert group_affinity(loose, loose, 0.3, PARAMETERS) > group_affinity(tight, tight, 0.3, PARAMETERS)


def test_affinity_decays_with_the_distance_in_time() -> None:
    near, far = (group_affinity(group(3, 0.5), group(3, 0.5, day), 0.4, PARAMETERS) for day in (0.0, 2.0))
    assert far == pytest.approx(near * math.exp(-2))
