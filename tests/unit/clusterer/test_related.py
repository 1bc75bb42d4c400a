"""Stories of one saga name each other, once a day of event time; it is a hint, and changes no story's articles."""

from __future__ import annotations

from datetime import timedelta

from newsloom.contracts.command import MergeStories
from newsloom.contracts.story import RELATED_MAX, Cause, StoryUpdate, UpdateKind
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from tests.laws.streams import DIMENSION, EDITION, START, Event, article

APART = Parameters(bar_base=9.0, second_look=timedelta(days=1_000))
"""Every article stays a story of its own."""


class Desk:
    """An engine, and its stories by the numbers of their only articles."""

    def __init__(self, *events: Event) -> None:
        self.engine = Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), APART))
        for event in events:
            self.engine.apply(event)

    def home(self, number: int) -> str:
        return self.engine.edition.articles[f"a{number}"]

    def related(self, number: int) -> list[int]:
        story = self.engine.story(self.home(number))
        assert story is not None
        numbers = {story_id: int(name[1:]) for name, story_id in self.engine.edition.articles.items()}
        return [numbers[story_id] for story_id in story.related]

    def at(self, hour: float) -> list[StoryUpdate]:
        """Event time goes on to this hour, with an article on something else."""
        return self.engine.apply(article(99, subject=7, hour=hour)).updates


def two_sagas(size: int = 4) -> Desk:
    """`size` stories of one subject, as many of another, and one that belongs to neither, on one day."""
    sagas = [article(number, subject=number // size, wobble=1 + number % size, hour=1) for number in range(2 * size)]
    return Desk(*sagas, article(2 * size, subject=4, hour=2))


def test_stories_of_a_saga_name_each_other_when_the_day_is_over() -> None:
    desk = two_sagas()
    assert not any(desk.related(number) for number in range(8))
    assert [update.cause for update in desk.at(23.9)] == [Cause.ARTICLE]
    before = dict(desk.engine.edition.articles)
    changes = desk.engine.apply(article(98, subject=6, hour=24))
    told = [update for update in changes.updates if update.cause is Cause.RELATED]
    assert {update.kind for update in told} == {UpdateKind.UPDATED}
    assert {desk.home(number) for number in range(8)} <= {update.story_id for update in told}
    assert all(update.article_count == update.article_count_before for update in told)
    assert [name for name, _ in changes.memberships] == ["a98"]
    assert desk.engine.edition.articles.items() >= before.items()
    for saga in (range(4), range(4, 8)):
        assert all(set(saga) - {number} <= set(desk.related(number)) for number in saga)
    assert not set(desk.related(0)) & set(range(4, 8))


def test_the_nearest_come_first() -> None:
    desk = two_sagas()
    desk.at(24)
    space, stories = desk.engine.edition.indexes.space, desk.engine.edition.stories

    def cosine(number: int) -> float:
        one, other = (stories[desk.home(named)].slot for named in (0, number))
        return space.cross_mean(one, other) / float(space.lengths[one] * space.lengths[other])

    cosines = [cosine(number) for number in desk.related(0)]
    assert len(cosines) > 1
    assert cosines == sorted(cosines, reverse=True)


def test_not_all_of_a_large_saga_are_named() -> None:
    others = [article(100 + number, subject=4, wobble=number, hour=1) for number in range(3)]
    desk = Desk(*(article(number, subject=1, hour=1) for number in range(RELATED_MAX + 3)), *others)
    desk.at(24)
    # They are all as near: then the lower ids come first.
    ids = sorted(desk.home(number) for number in range(1, RELATED_MAX + 3))
    assert [desk.home(number) for number in desk.related(0)] == ids[:RELATED_MAX]


def test_a_day_without_change_publishes_nothing_again() -> None:
    desk = two_sagas()
    desk.at(24)
    desk.at(48)
    assert Cause.RELATED not in {update.cause for update in desk.at(72)}
    assert desk.related(0)


def test_too_few_stories_say_nothing() -> None:
    desk = Desk(*(article(number, subject=1, wobble=number, hour=1) for number in range(3)))
    desk.at(24)
    assert not any(desk.related(number) for number in range(3))


def test_a_story_that_became_part_of_another_is_not_related_to_it() -> None:
    desk = two_sagas()
    desk.at(24)
    one, other = desk.home(0), desk.home(1)
    assert 1 in desk.related(0)
    desk.engine.apply(
        MergeStories(
            story_id=one,
            other_story_id=other,
            command_id="c-1",
            edition=EDITION,
            by="J",
            why="w",
            issued_at=START,
        )
    )
    survivor = desk.engine.story(desk.home(0))
    assert survivor is not None
    pointer = desk.engine.story(*({one, other} - {survivor.id}))
    assert pointer is not None
    assert pointer.id not in survivor.related
    assert survivor.related
    assert pointer.related == ()


def test_the_order_of_stories_and_articles_makes_no_difference() -> None:
    events = [article(number, subject=number // 4, wobble=1 + number % 4, hour=1) for number in range(8)]
    one, other = Desk(*events), Desk(*reversed(events))
    for desk in (one, other):
        desk.at(24)
    assert [one.related(number) for number in range(8)] == [other.related(number) for number in range(8)]
