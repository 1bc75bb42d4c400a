"""Archives come to the same stories in any order, closed stories take late articles, and a page of another event leaves one."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from newsloom.contracts.command import PinStory
from newsloom.contracts.membership import Verdict
from newsloom.contracts.story import Cause, StoryState, UpdateKind
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restore import restore_edition
from services.clusterer.state import checkpoint_of
from tests.laws.streams import EDITION, FIXED_PARAMETERS, article
from tests.unit.clusterer.harness import COMMAND_FIELDS, EngineHarness

PARAMETERS = msgspec.structs.replace(FIXED_PARAMETERS, bar_base=0.6)
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


def closed_story(parameters: Parameters = PARAMETERS) -> EngineHarness:
    """Return an engine with the closed story of the articles 0 to 2, and the later one of 10 to 12."""
    harness = EngineHarness(parameters, *(article(number, subject=1, hour=number) for number in range(3)))
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


def test_a_page_that_reports_another_event_under_its_old_date_leaves_its_closed_story() -> None:
    harness = closed_story()
    updates = harness.apply(article(2, subject=2, hour=3, revision=1))
    assert harness.article_ids(2) == {"a2"}
    assert [update.kind for update in updates] == [UpdateKind.MOVED, UpdateKind.CREATED]


def test_a_correction_of_the_same_event_stays_in_its_closed_story() -> None:
    harness = closed_story()
    harness.apply(article(2, subject=1, hour=3, revision=1))
    assert harness.article_ids(2) == {"a0", "a1", "a2"}
    assert harness.story(2).state is StoryState.CLOSED


def test_a_closed_story_that_is_no_longer_comparable_keeps_its_articles() -> None:
    harness = closed_story(msgspec.structs.replace(PARAMETERS, comparable_articles=3))
    harness.apply(article(2, subject=2, hour=3, revision=1))
    assert harness.article_ids(2) == {"a0", "a1", "a2"}


def test_a_late_article_joins_the_closed_story_of_its_own_time() -> None:
    harness = closed_story()
    closed = harness.story_id(0)

    (update,) = harness.apply(article(20, subject=1, hour=4))

    assert harness.article_ids(20) == {"a0", "a1", "a2", "a20"}
    assert (update.story_id, update.kind, update.cause) == (closed, UpdateKind.UPDATED, Cause.ARTICLE)
    assert (update.late, update.state, update.article_count) == (True, StoryState.CLOSED, 4)
    assert harness.member(20).decision.verdict is Verdict.JOINED


def test_a_late_copy_joins_the_closed_story_of_its_original() -> None:
    harness = closed_story()
    harness.apply(article(20, subject=1, hour=4, text=3), article(21, subject=1, hour=40, text=3))
    assert harness.member(21).copy_of == "a20"
    assert harness.article_ids(21) == {"a0", "a1", "a2", "a20", "a21"}


def test_a_late_article_of_another_event_or_another_time_founds_a_story() -> None:
    harness = closed_story()
    updates = harness.apply(article(20, subject=3, hour=3), article(21, subject=1, hour=24 * 9))
    assert [(update.kind, update.late) for update in updates] == [(UpdateKind.CREATED, False)] * 2


def test_an_article_of_the_present_does_not_join_a_closed_story() -> None:
    harness = closed_story()
    assert len(harness.apply(article(20, subject=1, hour=24 * 18))) == 1
    assert harness.article_ids(20) == {"a20"}


def test_a_late_article_is_not_compared_with_stories_beyond_the_bound_and_says_so() -> None:
    harness = closed_story(msgspec.structs.replace(PARAMETERS, comparable_articles=3))
    changes = harness.engine.apply(article(20, subject=1, hour=3))
    assert harness.article_ids(20) == {"a20"}
    assert changes.uncompared_article_id == "a20"
    # Nothing of this time has been released.
    assert harness.engine.apply(article(21, subject=6, hour=24 * 16)).uncompared_article_id is None


def test_a_closed_story_that_is_emptied_takes_no_late_article() -> None:
    harness = closed_story()
    closed = harness.story_id(0)
    harness.apply(*(ArticleRetraction(article_id=f"a{number}", edition=EDITION) for number in range(3)))
    harness.apply(article(20, subject=1, hour=3))
    assert harness.story_id(20) != closed


def test_an_open_story_of_an_archive_closes_when_many_articles_have_followed() -> None:
    harness = EngineHarness(msgspec.structs.replace(FIXED_PARAMETERS, comparable_articles=5))
    harness.apply(*(article(number, subject=2, hour=24 * 60) for number in range(3)))
    harness.apply(article(3, subject=1, hour=0))
    harness.apply(*(article(number, subject=4, hour=24 * 30) for number in range(4, 7)))
    assert harness.story(3).state is StoryState.OPEN
    updates = harness.apply(article(7, subject=4, hour=24 * 30))
    assert [(update.kind, update.cause) for update in updates][1:] == [(UpdateKind.CLOSED, Cause.SILENCE)]
    assert harness.story(3).state is StoryState.CLOSED
    # The stories of the present stay open, however many articles have followed.
    assert harness.story(0).state is StoryState.OPEN


def test_a_story_that_takes_up_a_closed_one_names_it_as_related() -> None:
    harness = closed_story()
    closed = harness.story_id(0)
    (update,) = harness.apply(article(20, subject=1, hour=24 * 18))
    assert (update.kind, update.related) == (UpdateKind.CREATED, (closed,))
    # The daily search for related stories keeps it.
    harness.apply(*(article(30 + day, subject=day % 4 + 3, hour=24 * (18 + day)) for day in range(1, 6)))
    assert harness.story(20).related[:1] == (closed,)


def test_a_story_of_another_event_names_no_closed_story() -> None:
    harness = closed_story()
    assert harness.apply(article(20, subject=5, hour=24 * 18))[0].related == ()


def test_a_pinned_story_keeps_its_articles_when_it_is_closed() -> None:
    harness = EngineHarness(FIXED_PARAMETERS, *(article(number, subject=1, hour=number) for number in range(3)))
    harness.engine.apply(PinStory(story_id=harness.story_id(0), **COMMAND_FIELDS))
    harness.apply(*(article(number, subject=2, hour=24 * 18) for number in range(10, 13)))
    harness.apply(article(2, subject=2, hour=24 * 18 + 1, revision=1))
    assert harness.article_ids(2) == {"a0", "a1", "a2"}


def test_a_checkpoint_of_an_earlier_version_goes_on_without_its_closed_stories() -> None:
    harness = closed_story()
    edition = harness.engine.edition
    checkpoint = msgspec.structs.replace(checkpoint_of(edition), clock=None, comparable_from=None)
    restored = restore_edition(
        checkpoint,
        [story for story in map(harness.engine.story, edition.stories) if story is not None],
        [member for story in edition.stories.values() for member in story.members.values()],
        calibration=edition.calibration,
        parameters=edition.parameters,
    )
    assert restored.watermark == edition.watermark
    assert restored.articles == edition.articles
    assert checkpoint_of(restored).comparable_from == checkpoint.next_sequence
    engine = Engine(restored)
    (late,) = engine.apply(article(20, subject=1, hour=4)).updates
    (present,) = engine.apply(article(21, subject=2, hour=24 * 18)).updates
    assert (late.kind, late.late) == (UpdateKind.CREATED, False)
    assert (present.kind, present.story_id) == (UpdateKind.UPDATED, harness.story_id(10))
