"""A lone article is compared again as it gets older, and merged with later stories unless a command forbids it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from newsloom.contracts.command import MergeStories, PinStory, SplitStory
from newsloom.contracts.membership import Verdict
from newsloom.contracts.story import Cause, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleRetraction
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restore import restore_edition
from services.clusterer.state import checkpoint_of
from tests.laws.streams import EDITION, START, article
from tests.unit.clusterer.harness import COMMAND_FIELDS, EngineHarness

ALONE = Parameters(
    bar_base=9.0, bar_mean=0.0, bar_std=0.0, bar_size=0.0, second_look=timedelta(days=1), second_look_discount=8.7
)
"""With these, no article joins a story when it comes: only second looks merge stories."""


class SecondLookHarness(EngineHarness):
    """An engine that merges stories only at second looks or by command."""

    def __init__(self, parameters: Parameters = ALONE) -> None:
        super().__init__(parameters)

    def join(self, number: int, other: int) -> None:
        """Merge the stories of two articles by command."""
        one_id, other_id = self.story_id(number), self.story_id(other)
        self.apply(MergeStories(story_id=one_id, other_story_id=other_id, **COMMAND_FIELDS))
        assert self.story_id(number) == self.story_id(other)


def merged(updates: list[StoryUpdate]) -> set[str]:
    """Return the ids of the stories that were merged. Only similarity may have caused it."""
    assert {update.cause for update in updates if update.kind is UpdateKind.MERGED} <= {Cause.SIMILARITY}
    return {update.story_id for update in updates if update.kind is UpdateKind.MERGED}


def second_look_hour(harness: SecondLookHarness, number: int) -> float | None:
    """Return the hour of the next second look at the article's story in a restored engine; None if there is none."""
    story_id = harness.story_id(number)
    edition = harness.engine.edition
    restored = restore_edition(
        checkpoint_of(edition),
        [story for story in map(harness.engine.story, edition.stories) if story is not None],
        [member for story in edition.stories.values() for member in story.members.values()],
        calibration=edition.calibration,
        parameters=edition.parameters,
    )
    while (popped := restored.schedule.second_look.pop_due(START + timedelta(days=30))) is not None:
        if popped[1] == story_id:
            return (popped[0] - START) / timedelta(hours=1)
    return None


@pytest.fixture
def harness() -> SecondLookHarness:
    """Return an engine with a story of two articles, merged by a command, and a lone article on their subject an hour later."""
    harness = SecondLookHarness()
    harness.apply(article(0, subject=1), article(1, subject=1), article(2, subject=1, hour=1))
    harness.join(0, 1)
    assert harness.story_id(2) != harness.story_id(0)
    return harness


def test_a_lone_article_is_merged_a_day_later_into_a_story_that_it_fits(harness: SecondLookHarness) -> None:
    assert not merged(harness.apply(article(3, subject=2, hour=24.9)))
    pair, alone = harness.story_id(0), harness.story_id(2)
    updates = harness.apply(article(4, subject=3, hour=25))
    assert merged(updates) == {pair, alone}
    assert harness.story_id(2) == harness.story_id(0) == pair
    merge = harness.engine.edition.stories[pair].members["a2"].merge
    assert merge is not None
    assert merge.from_story_id == alone
    assert merge.bar is not None
    assert merge.bar == pytest.approx(0.3)
    assert merge.affinity is not None
    assert merge.affinity >= merge.bar
    look = merge.second_look
    assert look is not None
    assert (look.verdict, look.bar) == (Verdict.JOINED, merge.bar)
    # The candidates leave out the story of the article itself.
    assert [candidate.story_id for candidate in look.candidates] == [pair, harness.story_id(3)]
    assert look.candidates[0].score == merge.affinity
    assert look.background_count == 1


def test_the_bar_is_no_lower_between_two_lone_articles() -> None:
    harness = SecondLookHarness()
    harness.apply(article(0, subject=1), article(1, subject=1, hour=1))
    assert not merged(harness.apply(*(article(number, subject=number, hour=12 * number) for number in range(2, 13))))
    assert harness.story_id(0) != harness.story_id(1)


def test_two_lone_articles_are_merged_after_their_background_has_changed() -> None:
    harness = SecondLookHarness(msgspec.structs.replace(ALONE, bar_base=0.5, bar_mean=1.0, second_look_discount=0.0))
    harness.apply(article(0, subject=1), article(1, subject=1))
    harness.apply(SplitStory(story_id=harness.story_id(0), article_ids=("a1",), **COMMAND_FIELDS))
    harness.apply(article(2, subject=1, hour=1))
    lone = {harness.story_id(0), harness.story_id(2)}
    assert len({*lone, harness.story_id(1)}) == 3
    harness.apply(ArticleRetraction(article_id="a1", edition=EDITION))
    assert merged(harness.apply(article(3, subject=2, hour=25))) == lone
    assert harness.story_id(0) == harness.story_id(2)


def test_a_lone_article_is_compared_again_when_it_is_twice_as_old() -> None:
    harness = SecondLookHarness()
    harness.apply(article(0, subject=1), article(1, subject=2, hour=25))
    harness.apply(article(2, subject=1, hour=26), article(3, subject=1, hour=26))
    harness.join(2, 3)
    alone, pair = harness.story_id(0), harness.story_id(2)
    assert not merged(harness.apply(article(4, subject=3, hour=47)))
    assert merged(harness.apply(article(5, subject=4, hour=48))) == {alone, pair}
    assert harness.story_id(0) == harness.story_id(2)
    assert len({harness.story_id(number) for number in range(6)}) == 4


def test_several_deadlines_passed_at_once_are_one_second_look(harness: SecondLookHarness) -> None:
    pair, alone = harness.story_id(0), harness.story_id(2)
    updates = harness.apply(*(article(number, subject=2, hour=100) for number in range(3, 6)))
    assert [update.story_id for update in updates if update.kind is UpdateKind.MERGED] == [alone, pair]
    harness = SecondLookHarness()
    harness.apply(article(0, subject=1), *(article(number, subject=2, hour=80) for number in range(1, 4)))
    assert second_look_hour(harness, 0) == 96


def test_a_correction_counts_at_a_second_look_with_its_text_and_date(harness: SecondLookHarness) -> None:
    harness.apply(article(2, subject=6, hour=1, revision=1), article(3, subject=2, hour=24))
    alone = harness.story_id(2)
    assert not merged(harness.apply(article(4, subject=3, hour=25)))
    assert harness.story_id(2) == alone
    harness.apply(article(2, subject=1, hour=10, revision=2))
    assert second_look_hour(harness, 2) == 34
    assert not merged(harness.apply(article(5, subject=4, hour=33.9)))
    assert alone in merged(harness.apply(article(6, subject=5, hour=34)))


def test_an_article_that_a_retraction_leaves_alone_gets_second_looks(harness: SecondLookHarness) -> None:
    assert second_look_hour(harness, 0) is None
    harness.apply(article(3, subject=4, hour=2), article(4, subject=1, hour=2))
    harness.join(2, 4)
    harness.apply(ArticleRetraction(article_id="a1", edition=EDITION))
    assert (second_look_hour(harness, 0), second_look_hour(harness, 2)) == (24, None)


def test_a_late_article_gets_a_second_look_at_its_next_age(harness: SecondLookHarness) -> None:
    harness.apply(*(article(number, subject=2, hour=90) for number in (3, 6, 7)), article(4, subject=1, hour=30))
    assert second_look_hour(harness, 4) == 30 + 96
    alone = harness.story_id(4)
    assert alone in merged(harness.apply(article(8, subject=2, hour=114), article(5, subject=3, hour=126)))


def test_a_late_article_is_compared_again_by_the_number_of_later_articles_while_event_time_stands_still() -> None:
    harness = SecondLookHarness(msgspec.structs.replace(ALONE, late_second_look=8))
    harness.apply(*(article(number, subject=2, hour=24 * 60) for number in range(3)))
    harness.apply(article(3, subject=1), article(4, subject=1, hour=1), article(5, subject=1, hour=2))
    harness.join(3, 4)
    alone, pair = harness.story_id(5), harness.story_id(3)
    # The first look is due when eight articles have arrived from this one on.
    assert not merged(harness.apply(*(article(number, subject=3, hour=24 * 30) for number in range(6, 12))))
    assert merged(harness.apply(article(12, subject=3, hour=24 * 30))) == {alone, pair}


def test_second_looks_due_together_run_in_order_of_arrival() -> None:
    harness = SecondLookHarness()
    # Articles of one subject alone would move the zero point to that subject.
    harness.apply(*(article(10 + subject, subject=subject) for subject in (0, 2, 4, 5, 6, 7)))
    harness.apply(article(0, subject=1), article(1, subject=1, hour=1))
    harness.join(0, 1)
    # Each is nearer to the pair than to another one. The later ones are due sooner.
    harness.apply(*(article(number, subject=1, wobble=number, hour=1 - number / 10) for number in range(2, 6)))
    alone = [harness.story_id(number) for number in range(2, 6)]
    updates = harness.apply(*(article(number, subject=3, hour=26) for number in range(6, 9)))
    assert [update.story_id for update in updates if update.merged_into is not None] == alone


def test_a_second_look_does_not_undo_a_split(harness: SecondLookHarness) -> None:
    harness.apply(article(3, subject=2, hour=25))
    harness.apply(SplitStory(story_id=harness.story_id(2), article_ids=("a0", "a1"), **COMMAND_FIELDS))
    assert harness.story_id(0) == harness.story_id(1)
    assert not merged(harness.apply(article(4, subject=3, hour=50)))
    assert harness.story_id(0) != harness.story_id(2)


def test_a_second_look_does_not_merge_a_pinned_story(harness: SecondLookHarness) -> None:
    harness.apply(PinStory(story_id=harness.story_id(2), **COMMAND_FIELDS))
    assert not merged(harness.apply(article(3, subject=2, hour=30)))


def test_an_article_that_a_command_placed_gets_no_second_look(harness: SecondLookHarness) -> None:
    """The article is alone again and kept apart from no story: only `placed_by` prevents a second look."""
    harness.apply(article(3, subject=4, hour=1))
    harness.join(2, 3)
    harness.apply(ArticleRetraction(article_id="a3", edition=EDITION))
    placed = harness.story_id(2)
    assert second_look_hour(harness, 2) == 25
    assert not merged(harness.apply(article(4, subject=3, hour=30)))
    assert harness.story_id(2) == placed
