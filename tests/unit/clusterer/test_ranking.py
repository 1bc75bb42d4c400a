"""Scores of stories, and the bar that the best one has to reach."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec
import numpy as np
import pytest

from newsloom.contracts.membership import Verdict
from services.clusterer.core.fixed_point import SCALE, ExactVector
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.ranking import CANDIDATES_KEPT_MAX, StoryScore, build_decision, joining_bar, rank_stories
from services.clusterer.core.space import MILLISECOND, StorySpace

DIMENSION = 8
PARAMETERS = Parameters(bar_base=0.2, bar_mean=0.5, bar_std=2.0, bar_size=0.1, background=3)
HOUR = timedelta(hours=1) // MILLISECOND


def vector(angle: float) -> ExactVector:
    """Return a vector of length 1, scaled by `SCALE`, whose lead points in this direction (radians)."""
    vector = np.zeros(StorySpace(DIMENSION).layout.size)
    vector[:2] = np.rint(SCALE * np.cos(angle)), np.rint(SCALE * np.sin(angle))
    return vector


def space_of(*stories: tuple[float, int]) -> StorySpace:
    """Build a space of stories of one report, each given by its direction and its hour."""
    space = StorySpace(DIMENSION)
    for number, (angle, hour) in enumerate(stories):
        space.add(space.open(f"st-{number}"), vector(angle), hour * HOUR)
    return space


def ranked_ids(space: StorySpace, angle: float, hour: int) -> list[str]:
    return [score.story_id for score in rank_stories(vector(angle), hour * HOUR, 1.0, space, PARAMETERS)]


def test_nearer_directions_come_first() -> None:
    assert ranked_ids(space_of((0.9, 0), (0.1, 0), (0.5, 0)), 0.0, 0) == ["st-1", "st-2", "st-0"]


def test_lower_ids_come_first_on_a_tie() -> None:
    space = StorySpace(DIMENSION)
    for story_id in ("st-b", "st-c", "st-a"):
        space.add(space.open(story_id), vector(0.1), 0)
    assert ranked_ids(space, 0.0, 0) == ["st-a", "st-b", "st-c"]


def test_nearer_times_come_first_and_stories_outside_the_window_not_at_all() -> None:
    assert ranked_ids(space_of((0.1, -100), (0.1, 20), (0.1, -8 * 24), (0.1, 8 * 24)), 0.0, 0) == ["st-1", "st-0"]


def test_the_score_of_a_lone_report_at_the_same_time_is_the_cosine() -> None:
    [score] = rank_stories(vector(0.3), 0, 1.0, space_of((0.0, 0)), PARAMETERS)
    assert score.value == pytest.approx(math.cos(0.3), abs=1e-3)
    assert score.centroid == pytest.approx(score.value, abs=1e-4)
    assert score.mean == pytest.approx(score.value, abs=1e-4)
    assert score.time == 1.0


def scores(*values: float) -> list[StoryScore]:
    return [StoryScore(value, f"st-{slot}", slot, value, value, 1.0) for slot, value in enumerate(values)]


def test_the_bar_rises_with_mean_and_spread_of_the_background() -> None:
    space = space_of(*[(0.0, 0)] * 6)
    alone = joining_bar(scores(0.9), space, PARAMETERS)
    assert (alone.value, alone.background_count) == (0.2, 0)
    even = joining_bar(scores(0.9, 0.4, 0.4, 0.4, 0.1), space, PARAMETERS)
    assert even.background_count == 3
    assert even.value == pytest.approx(0.2 + 0.5 * 0.4)
    spread = joining_bar(scores(0.9, 0.6, 0.4, 0.2), space, PARAMETERS)
    assert spread.value == pytest.approx(0.2 + 0.5 * 0.4 + 2.0 * math.sqrt(0.08 / 3))


def test_the_bar_rises_with_the_number_of_reports() -> None:
    space = space_of((0.0, 0))
    for _ in range(3):
        space.add(0, vector(0.0), 0)
    assert joining_bar(scores(0.9), space, PARAMETERS).value == pytest.approx(0.2 + 0.1 * (1 - 1 / math.sqrt(4)))


def test_a_decision_keeps_the_best_candidates_with_their_components() -> None:
    space = space_of(*((0.1 * number, 0) for number in range(7)))
    ranked = rank_stories(vector(0.0), 0, 1.0, space, PARAMETERS)
    bar = joining_bar(ranked, space, PARAMETERS)
    decision = build_decision(Verdict.JOINED, ranked, bar, vector(0.0), space)
    assert [candidate.story_id for candidate in decision.candidates] == [f"st-{n}" for n in range(CANDIDATES_KEPT_MAX)]
    assert decision.bar == bar.value
    for candidate in decision.candidates:
        assert candidate.mean == pytest.approx(candidate.lead + candidate.title + candidate.terms)
    assert build_decision(Verdict.FOUNDED, [], None, vector(0.0), space) == msgspec.structs.replace(
        decision,
        verdict=Verdict.FOUNDED,
        candidates=(),
        bar=None,
        background_mean=None,
        background_std=None,
        background_count=0,
    )
