"""Every command, and every reason to refuse one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsloom.contracts.command import (
    CommandKind,
    CommandRef,
    MergeStories,
    MoveArticle,
    PinStory,
    SplitStory,
    StoryCommand,
    UnpinStory,
    command_ref,
)
from newsloom.contracts.membership import MergeDecision, Verdict
from newsloom.contracts.story import KEPT_APART_MAX, Cause, StoryState, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleRetraction
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.commands import CommandRefused
from services.clusterer.core.parameters import Parameters
from tests.laws.streams import EDITION, START, Event, article
from tests.unit.clusterer.harness import COMMAND_FIELDS, EngineHarness

PARAMETERS = Parameters(
    lead_weight=0.5,
    title_weight=0.2,
    terms_weight=0.3,
    short_text_factor=0.6,
    centroid_share=0.6,
    span_share=0.4,
    decay=timedelta(days=5),
    bar_base=0.8,
    bar_mean=0.0,
    bar_std=0.0,
    bar_size=0.07,
    second_look_discount=0.0,
    merge_bar=0.1,
)
"""Subjects stay in separate stories, and runners-up are merged.

Every parameter that matters is set here, so that tuning the defaults does not change the tests.
"""


class CommandHarness(EngineHarness):
    """An engine with short forms of the commands."""

    def __init__(self, *events: Event) -> None:
        super().__init__(PARAMETERS, *events)

    def command(self, command: StoryCommand) -> list[StoryUpdate]:
        updates = self.apply(command)
        # The updates of neighbouring stories name the command too.
        assert {update.command for update in updates if update.cause is Cause.COMMAND} == {command_ref(command)}
        return updates

    def merge(self, one: int, other: int) -> list[StoryUpdate]:
        one_id, other_id = self.story_id(one), self.story_id(other)
        return self.command(MergeStories(story_id=one_id, other_story_id=other_id, **COMMAND_FIELDS))

    def split(self, *numbers: int) -> list[StoryUpdate]:
        ids = tuple(f"a{number}" for number in numbers)
        return self.command(SplitStory(story_id=self.story_id(numbers[0]), article_ids=ids, **COMMAND_FIELDS))

    def move(self, number: int, to: int) -> list[StoryUpdate]:
        return self.command(MoveArticle(article_id=f"a{number}", story_id=self.story_id(to), **COMMAND_FIELDS))

    def pin(self, number: int) -> list[StoryUpdate]:
        return self.command(PinStory(story_id=self.story_id(number), **COMMAND_FIELDS))


@pytest.fixture
def harness() -> CommandHarness:
    """Return an engine with three articles on one subject and two on another."""
    return CommandHarness(
        *(article(number, subject=1, hour=number) for number in range(3)),
        *(article(number, subject=2, hour=number) for number in range(3, 5)),
    )


def kinds(updates: list[StoryUpdate]) -> list[tuple[str, UpdateKind, Cause]]:
    return [(update.story_id, update.kind, update.cause) for update in updates]


def test_a_merge_keeps_the_id_of_the_larger_side(harness: CommandHarness) -> None:
    larger, smaller = harness.story_id(0), harness.story_id(3)
    updates = harness.merge(3, 0)
    assert kinds(updates) == [
        (smaller, UpdateKind.MERGED, Cause.COMMAND),
        (larger, UpdateKind.MERGED, Cause.COMMAND),
    ]
    assert harness.story(0).article_count == 5
    ref = CommandRef(id="c-1", kind=CommandKind.MERGE, by="Jane", why="I say so", issued_at=START)
    assert harness.member(3).merge == MergeDecision(from_story_id=smaller, command=ref)
    assert {harness.member(number).placed_by for number in range(5)} == {ref}
    assert harness.member(0).merge is None


def test_a_split_creates_a_story_with_a_new_id(harness: CommandHarness) -> None:
    old = harness.story_id(0)
    split, created = harness.split(0, 1)
    new = harness.story_id(0)
    assert kinds([split, created]) == [(old, UpdateKind.SPLIT, Cause.COMMAND), (new, UpdateKind.CREATED, Cause.COMMAND)]
    assert (split.split_into, created.split_from) == ((new,), old)
    assert split.article_ids == created.article_ids == ("a0", "a1")
    assert (harness.article_ids(0), harness.article_ids(2)) == ({"a0", "a1"}, {"a2"})
    assert harness.member(0).decision.verdict is Verdict.COMMANDED
    assert (harness.story(0).kept_apart, harness.story(2).kept_apart) == ((old,), (new,))
    assert harness.story(0).title_article_id in {"a0", "a1"}
    assert harness.story(2).title_article_id == "a2"


def test_no_story_id_is_used_twice(harness: CommandHarness) -> None:
    """The first article of a story leaves it again and again, at the same watermark."""
    seen = {harness.story_id(0)}
    for _ in range(5):
        harness.split(0)
        assert harness.story_id(0) not in seen
        seen.add(harness.story_id(0))
        harness.merge(0, 1)


def test_a_move_updates_both_stories(harness: CommandHarness) -> None:
    source, target = harness.story_id(0), harness.story_id(3)
    updates = harness.move(0, 3)
    assert kinds(updates) == [(source, UpdateKind.MOVED, Cause.COMMAND), (target, UpdateKind.MOVED, Cause.COMMAND)]
    assert [update.article.id for update in updates if update.article] == ["a0", "a0"]
    assert (harness.article_ids(0), harness.article_ids(1)) == ({"a0", "a3", "a4"}, {"a1", "a2"})
    assert harness.story(1).kept_apart == (target,)


def test_moving_the_last_article_merges_the_emptied_story(harness: CommandHarness) -> None:
    harness.move(3, 0)
    emptied, target = harness.story_id(4), harness.story_id(0)
    updates = harness.move(4, 0)
    assert kinds(updates)[0] == (emptied, UpdateKind.MERGED, Cause.COMMAND)
    story = harness.engine.story(emptied)
    assert story is not None
    assert (story.state, story.merged_into, story.article_count) == (StoryState.MERGED, target, 0)
    assert harness.story(0).kept_apart == ()


def test_texts_are_counted_once_on_both_sides_of_a_split() -> None:
    harness = CommandHarness(
        article(0, text=5), *(article(number, text=5, hour=number) for number in range(1, 5)), article(5, wobble=1)
    )
    assert harness.story(0).report_count == 2
    harness.split(0, 2)
    assert [harness.report_id(number) for number in range(6)] == [None, None, "a0", "a1", "a1", None]
    assert (harness.story(0).report_count, harness.story(1).report_count) == (1, 2)
    harness.split(3, 4)
    assert [harness.report_id(number) for number in (1, 3, 4)] == [None, None, "a3"]
    assert (harness.story(1).report_count, harness.story(3).report_count) == (2, 1)


def test_a_copy_that_is_moved_to_its_original_follows_it() -> None:
    harness = CommandHarness(article(0, text=5), article(1, text=5, hour=1), article(2, wobble=1))
    harness.split(1)
    assert harness.member(1).copy_of is None
    harness.apply(article(3, subject=3), article(4, subject=3))
    harness.merge(1, 3)
    harness.move(1, 0)
    assert harness.member(1).copy_of == "a0"


def change_subject(harness: CommandHarness, number: int, subject: int) -> list[StoryUpdate]:
    """Correct the article so that it is about another subject."""
    return harness.apply(article(number, subject=subject, hour=number, revision=1))


def test_a_corrected_article_moves_unless_a_command_has_placed_it(harness: CommandHarness) -> None:
    assert [update.kind for update in change_subject(harness, 0, 2)][:2] == [UpdateKind.MOVED, UpdateKind.MOVED]
    harness.move(1, 3)
    story_id = harness.story_id(1)
    assert kinds(harness.apply(article(1, subject=1, hour=1, revision=2))) == [
        (story_id, UpdateKind.UPDATED, Cause.CORRECTION)
    ]
    assert harness.member(1).placed_by is not None


@pytest.mark.parametrize("corrected", [0, 3])
def test_a_corrected_article_of_either_side_stays_in_a_story_that_a_command_has_merged(
    harness: CommandHarness, corrected: int
) -> None:
    harness.merge(0, 3)
    story_id = harness.story_id(0)
    assert kinds(change_subject(harness, corrected, 5)) == [(story_id, UpdateKind.UPDATED, Cause.CORRECTION)]
    assert harness.member(corrected).decision.verdict is Verdict.COMMANDED


def test_moving_a_last_article_places_none_of_the_target(harness: CommandHarness) -> None:
    harness.move(3, 0)
    harness.move(4, 0)
    assert [harness.member(number).placed_by is not None for number in range(5)] == [False, False, False, True, True]


def test_a_corrected_article_does_not_follow_articles_that_were_split_off(harness: CommandHarness) -> None:
    harness.split(0)
    change_subject(harness, 0, 5)
    story_id = harness.story_id(1)
    assert kinds(change_subject(harness, 1, 5)) == [(story_id, UpdateKind.UPDATED, Cause.CORRECTION)]
    assert harness.story_id(1) != harness.story_id(0)
    assert harness.member(1).decision.verdict is Verdict.KEPT


def test_a_corrected_article_stays_in_a_pinned_story(harness: CommandHarness) -> None:
    harness.pin(0)
    story_id = harness.story_id(0)
    assert kinds(change_subject(harness, 0, 2)) == [(story_id, UpdateKind.UPDATED, Cause.CORRECTION)]
    assert harness.member(0).placed_by is None
    harness.command(UnpinStory(story_id=story_id, **COMMAND_FIELDS))
    assert UpdateKind.MOVED in {update.kind for update in harness.apply(article(0, subject=2, hour=0, revision=2))}


def test_new_articles_join_a_pinned_story(harness: CommandHarness) -> None:
    harness.pin(0)
    harness.apply(article(9, subject=1, hour=3))
    assert harness.story_id(9) == harness.story_id(0)


def two_of_one_subject() -> CommandHarness:
    """Return an engine with two stories that are merged when the next article on their subject comes."""
    return CommandHarness(article(0, subject=13), article(1, subject=13, wobble=3))


def test_similar_stories_are_merged_unless_one_is_pinned() -> None:
    harness = two_of_one_subject()
    assert harness.story_id(0) != harness.story_id(1)
    harness.apply(article(2, subject=13))
    assert harness.story_id(0) == harness.story_id(1)
    harness = two_of_one_subject()
    harness.pin(1)
    harness.apply(article(2, subject=13))
    assert harness.story_id(0) != harness.story_id(1)


def test_a_split_is_undone_by_a_command_only() -> None:
    harness = CommandHarness(article(0, subject=13), article(1, subject=13), article(2, subject=13))
    harness.split(0)
    harness.apply(article(3, subject=13), article(4, subject=13))
    assert harness.story_id(0) != harness.story_id(1)
    harness.merge(0, 1)
    assert harness.story(0).article_count == 5
    assert harness.story(0).kept_apart == ()


def test_kept_apart_follows_merges_and_splits_on_all_sides(harness: CommandHarness) -> None:
    harness.split(0, 1)
    left, survivor = harness.story_id(0), harness.story_id(3)
    updates = harness.merge(2, 3)
    assert harness.story_id(2) == survivor
    assert harness.story(0).kept_apart == (survivor,)
    assert harness.story(2).kept_apart == (left,)
    assert kinds(updates)[2:] == [(left, UpdateKind.UPDATED, Cause.COMMAND)]
    harness.split(4)
    assert set(harness.story(4).kept_apart) == {left, survivor}
    assert set(harness.story(0).kept_apart) == {survivor, harness.story_id(4)}


def test_an_article_of_a_pinned_story_can_be_retracted(harness: CommandHarness) -> None:
    harness.split(0)
    harness.pin(0)
    (update,) = harness.apply(ArticleRetraction(article_id="a0", edition=EDITION))
    assert update.kind is UpdateKind.CLOSED


def test_a_new_story_of_a_split_of_old_articles_stays_open_for_a_window() -> None:
    harness = CommandHarness(article(0), article(1, hour=24 * 4))
    harness.merge(0, 1)
    harness.apply(*(article(number, subject=2, hour=24 * 9) for number in range(2, 5)))
    assert [update.kind for update in harness.split(0)] == [UpdateKind.SPLIT, UpdateKind.CREATED]


def refusals(harness: CommandHarness) -> dict[str, tuple[StoryCommand, str]]:
    one, other = harness.story_id(0), harness.story_id(3)
    return {
        "unknown story": (PinStory(story_id="st-x", **COMMAND_FIELDS), "there is no story 'st-x' in edition 'main'"),
        "unknown second story": (
            MergeStories(story_id=one, other_story_id="st-x", **COMMAND_FIELDS),
            "there is no story 'st-x'",
        ),
        "itself": (
            MergeStories(story_id=one, other_story_id=one, **COMMAND_FIELDS),
            f"story {one} cannot be merged with itself",
        ),
        "unknown article": (MoveArticle(article_id="a99", story_id=one, **COMMAND_FIELDS), "there is no article 'a99'"),
        "there already": (
            MoveArticle(article_id="a0", story_id=one, **COMMAND_FIELDS),
            f"article 'a0' is in story {one} already",
        ),
        "unknown in a split": (
            SplitStory(story_id=one, article_ids=("a0", "a99"), **COMMAND_FIELDS),
            "no article 'a99'",
        ),
        "another's article": (
            SplitStory(story_id=one, article_ids=("a0", "a3"), **COMMAND_FIELDS),
            f"article 'a3' is in story {other}, not in {one}",
        ),
        "all articles": (
            SplitStory(story_id=one, article_ids=("a0", "a1", "a2", "a1"), **COMMAND_FIELDS),
            f"story {one} has no other articles: a split must leave at least one",
        ),
        "not pinned": (UnpinStory(story_id=one, **COMMAND_FIELDS), f"story {one} is not pinned"),
    }


def assert_refused(harness: CommandHarness, command: StoryCommand, reason: str) -> None:
    before = {story_id: harness.engine.story(story_id) for story_id in harness.engine.edition.stories}
    with pytest.raises(CommandRefused, match=reason):
        harness.engine.apply(command)
    assert harness.engine.edition.changes == StoryChanges()
    assert {story_id: harness.engine.story(story_id) for story_id in harness.engine.edition.stories} == before


@pytest.mark.parametrize("name", refusals(CommandHarness(*(article(n, subject=1 + n // 3) for n in range(5)))))
def test_a_command_is_refused_with_its_reason(harness: CommandHarness, name: str) -> None:
    assert_refused(harness, *refusals(harness)[name])


def test_a_merged_story_names_its_survivor(harness: CommandHarness) -> None:
    absorbed, survivor = harness.story_id(3), harness.story_id(0)
    harness.merge(0, 3)
    assert_refused(
        harness,
        PinStory(story_id=absorbed, **COMMAND_FIELDS),
        f"story {absorbed} was merged into story {survivor}: use that story",
    )


def test_commands_on_closed_stories_are_refused(harness: CommandHarness) -> None:
    closed = harness.story_id(0)
    harness.apply(*(article(number, subject=5, hour=24 * 10) for number in (9, 10, 11)))
    reason = "is closed: only open stories can be corrected"
    assert_refused(harness, PinStory(story_id=closed, **COMMAND_FIELDS), f"story {closed} {reason}")
    assert_refused(
        harness,
        MoveArticle(article_id="a0", story_id=harness.story_id(9), **COMMAND_FIELDS),
        f"article 'a0' is in story {closed}, which {reason}",
    )


def test_a_second_pin_is_refused_with_the_author_of_the_first(harness: CommandHarness) -> None:
    harness.pin(0)
    assert_refused(harness, PinStory(story_id=harness.story_id(0), **COMMAND_FIELDS), "is pinned already, by Jane")


def test_a_full_kept_apart_list_refuses_another_split() -> None:
    harness = CommandHarness(*(article(number, subject=1) for number in range(KEPT_APART_MAX + 2)))
    for number in range(KEPT_APART_MAX):
        harness.split(number)
    last = KEPT_APART_MAX
    assert len(harness.story(last).kept_apart) == KEPT_APART_MAX
    assert_refused(
        harness,
        SplitStory(story_id=harness.story_id(last), article_ids=(f"a{last}",), **COMMAND_FIELDS),
        "would have to be kept apart from more than 100 others",
    )
