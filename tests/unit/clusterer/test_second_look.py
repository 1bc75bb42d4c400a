"""A lone article is compared again as it grows older: it joins what came after it, and never what an operator told it from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from newsloom.contracts.command import MergeStories, PinStory, SplitStory
from newsloom.contracts.membership import Verdict
from newsloom.contracts.story import Cause, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleRetraction
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restore import restore_edition
from services.clusterer.state import checkpoint_of
from tests.laws.streams import DIMENSION, EDITION, START, Event, article

ALONE = Parameters(
    bar_base=9.0, bar_mean=0.0, bar_std=0.0, bar_size=0.0, second_look=timedelta(days=1), second_look_discount=8.7
)
"""No article ever joins a story when it comes, so that a second look alone brings any together."""
SIGNED: dict[str, Any] = {"command_id": "c-1", "edition": EDITION, "by": "Jane", "why": "so", "issued_at": START}


class Desk:
    """An engine, and which of its articles are in one story."""

    def __init__(self, parameters: Parameters = ALONE) -> None:
        self.engine = Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), parameters))

    def take(self, *events: Event) -> list[StoryUpdate]:
        return [update for event in events for update in self.engine.apply(event).updates]

    def home(self, number: int) -> str:
        return self.engine.edition.articles[f"a{number}"]

    def join(self, number: int, other: int) -> None:
        """Make one story of those of two articles, by command."""
        self.engine.apply(MergeStories(story_id=self.home(number), other_story_id=self.home(other), **SIGNED))
        assert self.home(number) == self.home(other)

    def merged(self, updates: list[StoryUpdate]) -> set[str]:
        assert {update.cause for update in updates if update.kind is UpdateKind.MERGED} <= {Cause.SIMILARITY}
        return {update.story_id for update in updates if update.kind is UpdateKind.MERGED}


def due(desk: Desk, number: int) -> float | None:
    """At which hour the article's story is looked at next, by an engine restored from what is published; None if never."""
    home = desk.home(number)
    edition = desk.engine.edition
    restored = restore_edition(
        checkpoint_of(edition),
        [story for story in map(desk.engine.story, edition.stories) if story is not None],
        [member for story in edition.stories.values() for member in story.members.values()],
        calibration=edition.calibration,
        parameters=edition.parameters,
    )
    while (taken := restored.second_look_deadlines.pop_due(START + timedelta(days=30))) is not None:
        if taken[1] == home:
            return (taken[0] - START) / timedelta(hours=1)
    return None


@pytest.fixture
def desk() -> Desk:
    """A story of two articles, which a command has made, and an article of the same subject alone, an hour later."""
    desk = Desk()
    desk.take(article(0, subject=1), article(1, subject=1), article(2, subject=1, hour=1))
    desk.join(0, 1)
    assert desk.home(2) != desk.home(0)
    return desk


def test_the_day_after_a_lone_article_becomes_part_of_what_it_fits(desk: Desk) -> None:
    assert not desk.merged(desk.take(article(3, subject=2, hour=24.9)))
    pair, alone = desk.home(0), desk.home(2)
    updates = desk.take(article(4, subject=3, hour=25))
    assert desk.merged(updates) == {pair, alone}
    assert desk.home(2) == desk.home(0) == pair
    merge = desk.engine.edition.stories[pair].members["a2"].merge
    assert merge is not None
    assert merge.from_story_id == alone
    assert merge.bar is not None
    assert merge.bar == pytest.approx(0.3)
    assert merge.affinity is not None
    assert merge.affinity >= merge.bar
    look = merge.second_look
    assert look is not None
    assert (look.verdict, look.bar) == (Verdict.JOINED, merge.bar)
    # What the article was compared with; its own story is none of it.
    assert [candidate.story_id for candidate in look.candidates] == [pair, desk.home(3)]
    assert look.candidates[0].score == merge.affinity
    assert look.background_count == 1


def test_for_two_articles_that_are_both_alone_the_bar_is_no_lower() -> None:
    desk = Desk()
    desk.take(article(0, subject=1), article(1, subject=1, hour=1))
    assert not desk.merged(desk.take(*(article(number, subject=number, hour=12 * number) for number in range(2, 13))))
    assert desk.home(0) != desk.home(1)


def test_two_lone_articles_find_each_other_once_less_stands_beside_them() -> None:
    desk = Desk(msgspec.structs.replace(ALONE, bar_base=0.5, bar_mean=1.0, second_look_discount=0.0))
    desk.take(article(0, subject=1), article(1, subject=1))
    desk.engine.apply(SplitStory(story_id=desk.home(0), article_ids=("a1",), **SIGNED))
    desk.take(article(2, subject=1, hour=1))
    lone = {desk.home(0), desk.home(2)}
    assert len({*lone, desk.home(1)}) == 3
    desk.take(ArticleRetraction(article_id="a1", edition=EDITION))
    assert desk.merged(desk.take(article(3, subject=2, hour=25))) == lone
    assert desk.home(0) == desk.home(2)


def test_what_fits_nothing_stays_alone_and_is_looked_at_again_once_it_is_twice_as_old() -> None:
    desk = Desk()
    desk.take(article(0, subject=1), article(1, subject=2, hour=25))
    desk.take(article(2, subject=1, hour=26), article(3, subject=1, hour=26))
    desk.join(2, 3)
    alone, pair = desk.home(0), desk.home(2)
    assert not desk.merged(desk.take(article(4, subject=3, hour=47)))
    assert desk.merged(desk.take(article(5, subject=4, hour=48))) == {alone, pair}
    assert desk.home(0) == desk.home(2)
    assert len({desk.home(number) for number in range(6)}) == 4


def test_a_leap_over_several_looks_is_one_look(desk: Desk) -> None:
    pair, alone = desk.home(0), desk.home(2)
    updates = desk.take(article(3, subject=2, hour=100))
    assert [update.story_id for update in updates if update.kind is UpdateKind.MERGED] == [alone, pair]
    desk = Desk()
    desk.take(article(0, subject=1), article(1, subject=2, hour=80))
    assert due(desk, 0) == 96


def test_a_corrected_article_is_looked_at_as_it_is_now_and_as_old_as_it_is_now(desk: Desk) -> None:
    desk.take(article(2, subject=6, hour=1, revision=1), article(3, subject=2, hour=24))
    alone = desk.home(2)
    assert not desk.merged(desk.take(article(4, subject=3, hour=25)))
    assert desk.home(2) == alone
    desk.take(article(2, subject=1, hour=10, revision=2))
    assert due(desk, 2) == 34
    assert not desk.merged(desk.take(article(5, subject=4, hour=33.9)))
    assert alone in desk.merged(desk.take(article(6, subject=5, hour=34)))


def test_what_a_retraction_leaves_alone_is_looked_at_from_then_on(desk: Desk) -> None:
    assert due(desk, 0) is None
    desk.take(article(3, subject=4, hour=2), article(4, subject=1, hour=2))
    desk.join(2, 4)
    desk.take(ArticleRetraction(article_id="a1", edition=EDITION))
    assert (due(desk, 0), due(desk, 2)) == (24, None)


def test_an_article_that_comes_late_is_looked_at_at_the_next_of_its_ages(desk: Desk) -> None:
    desk.take(article(3, subject=2, hour=90), article(4, subject=1, hour=30))
    assert due(desk, 4) == 30 + 96
    alone = desk.home(4)
    assert alone in desk.merged(desk.take(article(5, subject=3, hour=126)))


def test_those_due_together_are_looked_at_in_the_order_of_arrival() -> None:
    desk = Desk()
    desk.take(article(0, subject=1), article(1, subject=1, hour=1))
    desk.join(0, 1)
    # Each is nearer to the two than to another one; the later they come, the sooner they are due.
    desk.take(*(article(number, subject=1, wobble=number, hour=1 - number / 10) for number in range(2, 6)))
    alone = [desk.home(number) for number in range(2, 6)]
    updates = desk.take(article(6, subject=3, hour=26))
    assert [update.story_id for update in updates if update.merged_into is not None] == alone


def test_what_a_command_has_told_apart_stays_apart(desk: Desk) -> None:
    desk.take(article(3, subject=2, hour=25))
    desk.engine.apply(SplitStory(story_id=desk.home(2), article_ids=("a0", "a1"), **SIGNED))
    assert desk.home(0) == desk.home(1)
    assert not desk.merged(desk.take(article(4, subject=3, hour=50)))
    assert desk.home(0) != desk.home(2)


def test_a_pinned_story_stays_as_it_is(desk: Desk) -> None:
    desk.engine.apply(PinStory(story_id=desk.home(2), **SIGNED))
    assert not desk.merged(desk.take(article(3, subject=2, hour=30)))


def test_an_article_that_a_command_placed_is_not_looked_at(desk: Desk) -> None:
    """Alone again, it is kept apart from nothing: that a command has placed it is all that holds it."""
    desk.take(article(3, subject=4, hour=1))
    desk.join(2, 3)
    desk.take(ArticleRetraction(article_id="a3", edition=EDITION))
    placed = desk.home(2)
    assert due(desk, 2) == 25
    assert not desk.merged(desk.take(article(4, subject=3, hour=30)))
    assert desk.home(2) == placed
