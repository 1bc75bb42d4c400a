"""A lone article is compared again as it grows older: it joins what came after it, and never what an operator told it from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from newsloom.contracts.command import MergeStories, PinStory, SplitStory
from newsloom.contracts.membership import Verdict
from newsloom.contracts.story import Cause, StoryUpdate, UpdateKind
from services.clusterer.core.calibration import uncalibrated
from services.clusterer.core.edition import Edition
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from tests.laws.streams import DIMENSION, EDITION, START, Event, article

ALONE = Parameters(
    bar_base=9.0, bar_mean=0.0, bar_std=0.0, bar_size=0.0, second_look=timedelta(days=1), second_look_discount=8.7
)
"""No article ever joins a story when it comes, so that a second look alone brings any together."""
SIGNED: dict[str, Any] = {"command_id": "c-1", "edition": EDITION, "by": "Jane", "why": "so", "issued_at": START}


class Desk:
    """An engine, and which of its articles are in one story."""

    def __init__(self, parameters: Parameters = ALONE) -> None:
        self.engine = Engine(Edition(EDITION, uncalibrated("test", DIMENSION), parameters))

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


def test_two_articles_that_are_both_alone_stay_so() -> None:
    desk = Desk()
    desk.take(article(0, subject=1), article(1, subject=1, hour=1))
    assert not desk.merged(desk.take(*(article(number, subject=number, hour=12 * number) for number in range(2, 13))))
    assert desk.home(0) != desk.home(1)


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
    desk.take(article(3, subject=2, hour=25))
    desk.engine.apply(SplitStory(story_id=desk.home(2), article_ids=("a2",), **SIGNED))
    desk.take(article(4, subject=1, hour=26), article(5, subject=1, hour=26), article(6, subject=1, hour=26))
    desk.join(4, 5)
    placed, newcomer = desk.home(2), desk.home(6)
    assert not desk.merged(desk.take(article(7, subject=3, hour=49.9)))
    merged = desk.merged(desk.take(article(8, subject=4, hour=50)))
    assert newcomer in merged
    assert placed not in merged
