"""A lone article is compared again each day: it joins what came after it, and never what an operator told it from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from newsloom.contracts.command import PinStory, SplitStory
from newsloom.contracts.story import Cause, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleRetraction
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

    def merged(self, updates: list[StoryUpdate]) -> set[str]:
        assert {update.cause for update in updates if update.kind is UpdateKind.MERGED} <= {Cause.SIMILARITY}
        return {update.story_id for update in updates if update.kind is UpdateKind.MERGED}


@pytest.fixture
def desk() -> Desk:
    """Two articles of one subject, an hour apart, each in a story of its own."""
    desk = Desk()
    desk.take(article(0, subject=1), article(1, subject=1, hour=1))
    assert desk.home(0) != desk.home(1)
    return desk


def test_the_day_after_a_lone_article_becomes_part_of_what_it_fits(desk: Desk) -> None:
    assert not desk.merged(desk.take(article(2, subject=2, hour=23.9)))
    older, younger = desk.home(0), desk.home(1)
    updates = desk.take(article(3, subject=3, hour=24))
    assert desk.merged(updates) == {older, younger}
    assert desk.home(0) == desk.home(1) == older
    merge = desk.engine.edition.stories[older].members["a1"].merge
    assert merge is not None
    assert merge.from_story_id == younger
    assert merge.bar is not None
    assert merge.bar == pytest.approx(0.3)
    assert merge.affinity is not None
    assert merge.affinity >= merge.bar


def test_what_fits_nothing_stays_alone_and_is_looked_at_again_the_next_day() -> None:
    desk = Desk()
    desk.take(article(0, subject=1), article(1, subject=2, hour=25), article(2, subject=1, hour=26))
    older, younger = desk.home(0), desk.home(2)
    assert not desk.merged(desk.take(article(3, subject=3, hour=47)))
    assert desk.merged(desk.take(article(4, subject=4, hour=48))) == {older, younger}
    assert desk.home(2) == older
    assert len({desk.home(number) for number in range(5)}) == 4


def test_what_a_command_has_told_apart_stays_apart(desk: Desk) -> None:
    desk.take(article(2, subject=2, hour=24))
    desk.engine.apply(SplitStory(story_id=desk.home(0), article_ids=("a1",), **SIGNED))
    assert not desk.merged(desk.take(article(3, subject=3, hour=50)))
    assert desk.home(0) != desk.home(1)


def test_a_pinned_story_stays_as_it_is(desk: Desk) -> None:
    desk.engine.apply(PinStory(story_id=desk.home(1), **SIGNED))
    assert not desk.merged(desk.take(article(2, subject=2, hour=30)))


def test_an_article_that_a_command_placed_is_not_looked_at(desk: Desk) -> None:
    desk.take(article(2, subject=2, hour=24))
    desk.engine.apply(SplitStory(story_id=desk.home(0), article_ids=("a0",), **SIGNED))
    desk.take(ArticleRetraction(article_id="a1", edition=EDITION), article(3, subject=1, hour=25))
    placed, newcomer = desk.home(0), desk.home(3)
    assert not desk.merged(desk.take(article(4, subject=4, hour=48.5)))
    assert desk.merged(desk.take(article(5, subject=5, hour=49))) == {placed, newcomer}
    assert desk.home(3) == placed
