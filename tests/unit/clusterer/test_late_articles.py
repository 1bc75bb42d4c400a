"""Archives come to the same stories in any order, and a page that reports another event leaves its closed story."""

from __future__ import annotations

from random import Random

import pytest

from newsloom.contracts.command import PinStory
from newsloom.contracts.story import Cause, StoryState, UpdateKind
from newsloom.contracts.vector import ArticleVector
from tests.laws.streams import FIXED_PARAMETERS, article
from tests.unit.clusterer.harness import COMMAND_FIELDS, EngineHarness

EVENTS = 6
REPORTS = 4


def archive() -> list[ArticleVector]:
    """Return four reports of each of six events, an event every four days."""
    return [
        article(REPORTS * event + report, subject=event, hour=24 * 4 * event + report)
        for event in range(EVENTS)
        for report in range(REPORTS)
    ]


def groups(harness: EngineHarness) -> set[frozenset[str]]:
    return {frozenset(story.members) for story in harness.engine.edition.stories.values() if story.members}


@pytest.mark.parametrize("order", ["newest first", "shuffled", "daily batches, newest first"])
def test_an_archive_comes_to_the_same_stories_in_any_order(order: str) -> None:
    ordered = archive()
    disordered = list(reversed(ordered))
    if order == "shuffled":
        Random(3).shuffle(disordered)  # noqa: S311 - no secret
    elif order.startswith("daily"):
        disordered = [
            one for event in reversed(range(EVENTS)) for one in ordered[REPORTS * event : REPORTS * (event + 1)]
        ]
    expected = groups(EngineHarness(FIXED_PARAMETERS, *ordered))
    assert len(expected) == EVENTS
    assert groups(EngineHarness(FIXED_PARAMETERS, *disordered)) == expected


def closed_story() -> EngineHarness:
    """Return an engine with the closed story of the articles 0 to 2, and the later one of 10 to 12."""
    harness = EngineHarness(FIXED_PARAMETERS, *(article(number, subject=1, hour=number) for number in range(3)))
    harness.apply(*(article(number, subject=2, hour=24 * 18) for number in range(10, 13)))
    assert harness.story(0).state is StoryState.CLOSED
    return harness


def test_a_page_that_reports_a_later_event_leaves_its_closed_story_by_a_move() -> None:
    harness = closed_story()
    old, new = harness.story_id(0), harness.story_id(10)

    updates = harness.apply(article(2, subject=2, hour=24 * 18 + 1, revision=1))

    assert harness.article_ids(2) == {"a2", "a10", "a11", "a12"}
    assert [(update.story_id, update.kind, update.cause, update.article_count) for update in updates] == [
        (old, UpdateKind.MOVED, Cause.CORRECTION, 2),
        (new, UpdateKind.MOVED, Cause.CORRECTION, 4),
    ]


def test_a_page_that_reports_an_event_of_its_own_founds_a_story() -> None:
    harness = closed_story()
    updates = harness.apply(article(2, subject=5, hour=24 * 18 + 1, revision=1))
    assert harness.article_ids(2) == {"a2"}
    assert [update.kind for update in updates] == [UpdateKind.MOVED, UpdateKind.CREATED]


def test_a_correction_of_the_same_time_stays_in_its_closed_story() -> None:
    harness = closed_story()
    harness.apply(article(2, subject=2, hour=3, revision=1))
    assert harness.article_ids(2) == {"a0", "a1", "a2"}


def test_a_pinned_story_keeps_its_articles_when_it_is_closed() -> None:
    harness = EngineHarness(FIXED_PARAMETERS, *(article(number, subject=1, hour=number) for number in range(3)))
    harness.engine.apply(PinStory(story_id=harness.story_id(0), **COMMAND_FIELDS))
    harness.apply(*(article(number, subject=2, hour=24 * 18) for number in range(10, 13)))
    harness.apply(article(2, subject=2, hour=24 * 18 + 1, revision=1))
    assert harness.article_ids(2) == {"a0", "a1", "a2"}
