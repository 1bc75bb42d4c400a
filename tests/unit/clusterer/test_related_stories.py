"""Once a day of event time, stories of one saga are related to each other. This changes no memberships."""

from __future__ import annotations

from datetime import timedelta

from newsloom.contracts.command import MergeStories
from newsloom.contracts.story import RELATED_MAX, Cause, StoryUpdate, UpdateKind
from services.clusterer.core.parameters import Parameters
from tests.laws.streams import Event, article
from tests.unit.clusterer.harness import COMMAND_FIELDS, EngineHarness

ALONE = Parameters(bar_base=9.0, second_look=timedelta(days=1_000))
"""With these, every article stays alone in its story."""


class SagaHarness(EngineHarness):
    """An engine in which each article stays alone in its story."""

    def __init__(self, *events: Event) -> None:
        super().__init__(ALONE, *events)

    def related(self, number: int) -> list[int]:
        """Return the numbers of the articles of related stories, in order."""
        numbers = {story_id: int(name[1:]) for name, story_id in self.engine.edition.articles.items()}
        return [numbers[story_id] for story_id in self.story(number).related]

    def advance(self, hour: float) -> list[StoryUpdate]:
        """Advance event time to this hour, with an article on another subject."""
        return self.apply(article(99, subject=7, hour=hour))


def two_sagas(size: int = 4) -> SagaHarness:
    """Return an engine with `size` stories on each of two subjects, and one on a third, all of one day."""
    sagas = [article(number, subject=number // size, wobble=1 + number % size, hour=1) for number in range(2 * size)]
    return SagaHarness(*sagas, article(2 * size, subject=4, hour=2))


def test_stories_of_a_saga_are_related_after_the_day() -> None:
    harness = two_sagas()
    assert not any(harness.related(number) for number in range(8))
    assert [update.cause for update in harness.advance(23.9)] == [Cause.ARTICLE]
    before = dict(harness.engine.edition.articles)
    changes = harness.engine.apply(article(98, subject=6, hour=24))
    related = [update for update in changes.updates if update.cause is Cause.RELATED]
    assert {update.kind for update in related} == {UpdateKind.UPDATED}
    assert {harness.story_id(number) for number in range(8)} <= {update.story_id for update in related}
    assert all(update.article_count == update.article_count_before for update in related)
    assert [name for name, _ in changes.memberships] == ["a98"]
    assert harness.engine.edition.articles.items() >= before.items()
    for saga in (range(4), range(4, 8)):
        assert all(set(saga) - {number} <= set(harness.related(number)) for number in saga)
    assert not set(harness.related(0)) & set(range(4, 8))


def test_related_stories_are_ordered_by_nearness() -> None:
    harness = two_sagas()
    harness.advance(24)
    space, stories = harness.engine.edition.indexes.space, harness.engine.edition.stories

    def cosine(number: int) -> float:
        one, other = (stories[harness.story_id(named)].slot for named in (0, number))
        return space.cross_mean(one, other) / float(space.lengths[one] * space.lengths[other])

    cosines = [cosine(number) for number in harness.related(0)]
    assert len(cosines) > 1
    assert cosines == sorted(cosines, reverse=True)


def test_a_large_saga_is_cut_to_the_nearest() -> None:
    others = [article(100 + number, subject=4, wobble=number, hour=1) for number in range(3)]
    harness = SagaHarness(*(article(number, subject=1, hour=1) for number in range(RELATED_MAX + 3)), *others)
    harness.advance(24)
    # All are equally near, so the lower ids come first.
    ids = sorted(harness.story_id(number) for number in range(1, RELATED_MAX + 3))
    assert [harness.story_id(number) for number in harness.related(0)] == ids[:RELATED_MAX]


def test_a_day_without_changes_publishes_nothing() -> None:
    harness = two_sagas()
    harness.advance(24)
    harness.advance(48)
    assert Cause.RELATED not in {update.cause for update in harness.advance(72)}
    assert harness.related(0)


def test_too_few_stories_are_not_related() -> None:
    harness = SagaHarness(*(article(number, subject=1, wobble=number, hour=1) for number in range(3)))
    harness.advance(24)
    assert not any(harness.related(number) for number in range(3))


def test_a_merged_story_is_not_related_to_its_survivor() -> None:
    harness = two_sagas()
    harness.advance(24)
    one, other = harness.story_id(0), harness.story_id(1)
    assert 1 in harness.related(0)
    harness.engine.apply(MergeStories(story_id=one, other_story_id=other, **COMMAND_FIELDS))
    survivor = harness.engine.story(harness.story_id(0))
    assert survivor is not None
    pointer = harness.engine.story(*({one, other} - {survivor.id}))
    assert pointer is not None
    assert pointer.id not in survivor.related
    assert survivor.related
    assert pointer.related == ()


def test_the_order_of_stories_and_articles_makes_no_difference() -> None:
    events = [article(number, subject=number // 4, wobble=1 + number % 4, hour=1) for number in range(8)]
    one, other = SagaHarness(*events), SagaHarness(*reversed(events))
    for harness in (one, other):
        harness.advance(24)
    assert [one.related(number) for number in range(8)] == [other.related(number) for number in range(8)]
