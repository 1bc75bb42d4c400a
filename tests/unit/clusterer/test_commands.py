"""Each command on an engine, and each reason to refuse one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
from newsloom.contracts.membership import Membership, MergeDecision, Verdict
from newsloom.contracts.story import KEPT_APART_MAX, Cause, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleRetraction
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.commands import CommandRefused
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from tests.laws.streams import DIMENSION, EDITION, START, Event, article

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
"""Subjects are kept apart, and what shows up as a runner-up is merged; all that decides it here, so that no tuning moves it."""

SIGNED: dict[str, Any] = {
    "command_id": "c-1",
    "edition": EDITION,
    "by": "Jane",
    "why": "I say so",
    "issued_at": START,
}


class Desk:
    """An engine, and the stories by the numbers of their articles."""

    def __init__(self, *events: Event) -> None:
        self.engine = Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), PARAMETERS))
        self.take(*events)

    def take(self, *events: Event) -> list[StoryUpdate]:
        return [update for event in events for update in self.engine.apply(event).updates]

    def command(self, command: StoryCommand) -> list[StoryUpdate]:
        changes = self.engine.apply(command)
        # The neighbours of the story, too, tell which command it was.
        assert {update.command for update in changes.updates if update.cause is Cause.COMMAND} == {command_ref(command)}
        return changes.updates

    def merge(self, one: int, other: int) -> list[StoryUpdate]:
        return self.command(MergeStories(story_id=self.home(one), other_story_id=self.home(other), **SIGNED))

    def split(self, *numbers: int) -> list[StoryUpdate]:
        ids = tuple(f"a{number}" for number in numbers)
        return self.command(SplitStory(story_id=self.home(numbers[0]), article_ids=ids, **SIGNED))

    def move(self, number: int, to: int) -> list[StoryUpdate]:
        return self.command(MoveArticle(article_id=f"a{number}", story_id=self.home(to), **SIGNED))

    def pin(self, number: int) -> list[StoryUpdate]:
        return self.command(PinStory(story_id=self.home(number), **SIGNED))

    def home(self, number: int) -> str:
        return self.engine.edition.articles[f"a{number}"]

    def story(self, number: int) -> Story:
        story = self.engine.story(self.home(number))
        assert story is not None
        return story

    def member(self, number: int) -> Membership:
        return self.engine.edition.stories[self.home(number)].members[f"a{number}"]

    def articles(self, number: int) -> set[str]:
        return set(self.engine.edition.stories[self.home(number)].members)


@pytest.fixture
def desk() -> Desk:
    """Three articles of one subject, two of another."""
    return Desk(
        *(article(number, subject=1, hour=number) for number in range(3)),
        *(article(number, subject=2, hour=number) for number in range(3, 5)),
    )


def kinds(updates: list[StoryUpdate]) -> list[tuple[str, UpdateKind, Cause]]:
    return [(update.story_id, update.kind, update.cause) for update in updates]


def test_a_merge_keeps_the_id_of_the_larger_side(desk: Desk) -> None:
    larger, smaller = desk.home(0), desk.home(3)
    updates = desk.merge(3, 0)
    assert kinds(updates) == [
        (smaller, UpdateKind.MERGED, Cause.COMMAND),
        (larger, UpdateKind.MERGED, Cause.COMMAND),
    ]
    assert desk.story(0).article_count == 5
    ref = CommandRef(id="c-1", kind=CommandKind.MERGE, by="Jane", why="I say so", issued_at=START)
    assert desk.member(3).merge == MergeDecision(from_story_id=smaller, command=ref)
    assert {desk.member(number).placed_by for number in range(5)} == {ref}
    assert desk.member(0).merge is None


def test_a_split_makes_a_story_with_an_id_of_its_own(desk: Desk) -> None:
    old = desk.home(0)
    split, created = desk.split(0, 1)
    new = desk.home(0)
    assert kinds([split, created]) == [(old, UpdateKind.SPLIT, Cause.COMMAND), (new, UpdateKind.CREATED, Cause.COMMAND)]
    assert (split.split_into, created.split_from) == ((new,), old)
    assert split.article_ids == created.article_ids == ("a0", "a1")
    assert (desk.articles(0), desk.articles(2)) == ({"a0", "a1"}, {"a2"})
    assert desk.member(0).decision.verdict is Verdict.COMMANDED
    assert (desk.story(0).kept_apart, desk.story(2).kept_apart) == ((old,), (new,))
    assert desk.story(0).title_article_id in {"a0", "a1"}
    assert desk.story(2).title_article_id == "a2"


def test_no_id_comes_twice(desk: Desk) -> None:
    """The founding article leaves the story that was named after it, again and again, and event time stands still."""
    seen = {desk.home(0)}
    for _ in range(5):
        desk.split(0)
        assert desk.home(0) not in seen
        seen.add(desk.home(0))
        desk.merge(0, 1)


def test_a_move_is_told_on_both_sides(desk: Desk) -> None:
    source, target = desk.home(0), desk.home(3)
    updates = desk.move(0, 3)
    assert kinds(updates) == [(source, UpdateKind.MOVED, Cause.COMMAND), (target, UpdateKind.MOVED, Cause.COMMAND)]
    assert [update.article.id for update in updates if update.article] == ["a0", "a0"]
    assert (desk.articles(0), desk.articles(1)) == ({"a0", "a3", "a4"}, {"a1", "a2"})
    assert desk.story(1).kept_apart == (target,)


def test_moving_the_last_article_makes_the_emptied_story_a_pointer(desk: Desk) -> None:
    desk.move(3, 0)
    emptied, target = desk.home(4), desk.home(0)
    updates = desk.move(4, 0)
    assert kinds(updates)[0] == (emptied, UpdateKind.MERGED, Cause.COMMAND)
    story = desk.engine.story(emptied)
    assert story is not None
    assert (story.state, story.merged_into, story.article_count) == (StoryState.MERGED, target, 0)
    assert desk.story(0).kept_apart == ()


def test_texts_are_counted_once_on_both_sides_of_a_split() -> None:
    desk = Desk(
        article(0, text=5), *(article(number, text=5, hour=number) for number in range(1, 5)), article(5, wobble=1)
    )
    assert desk.story(0).report_count == 2
    desk.split(0, 2)
    assert [desk.member(number).copy_of for number in range(6)] == [None, None, "a0", "a1", "a1", None]
    assert (desk.story(0).report_count, desk.story(1).report_count) == (1, 2)
    desk.split(3, 4)
    assert [desk.member(number).copy_of for number in (1, 3, 4)] == [None, None, "a3"]
    assert (desk.story(1).report_count, desk.story(3).report_count) == (2, 1)


def test_a_copy_that_is_moved_to_its_original_follows_it() -> None:
    desk = Desk(article(0, text=5), article(1, text=5, hour=1), article(2, wobble=1))
    desk.split(1)
    assert desk.member(1).copy_of is None
    desk.take(article(3, subject=3), article(4, subject=3))
    desk.merge(1, 3)
    desk.move(1, 0)
    assert desk.member(1).copy_of == "a0"


def pull(desk: Desk, number: int, towards: int) -> list[StoryUpdate]:
    """A correction that makes the article one of another subject."""
    return desk.take(article(number, subject=towards, hour=number, revision=1))


def test_a_corrected_article_moves_unless_a_command_has_placed_it(desk: Desk) -> None:
    assert [update.kind for update in pull(desk, 0, 2)][:2] == [UpdateKind.MOVED, UpdateKind.MOVED]
    desk.move(1, 3)
    home = desk.home(1)
    assert kinds(desk.take(article(1, subject=1, hour=1, revision=2))) == [(home, UpdateKind.UPDATED, Cause.CORRECTION)]
    assert desk.member(1).placed_by is not None


@pytest.mark.parametrize("corrected", [0, 3])
def test_a_corrected_article_of_either_side_stays_in_what_a_command_has_merged(desk: Desk, corrected: int) -> None:
    desk.merge(0, 3)
    home = desk.home(0)
    assert kinds(pull(desk, corrected, 5)) == [(home, UpdateKind.UPDATED, Cause.CORRECTION)]
    assert desk.member(corrected).decision.verdict is Verdict.COMMANDED


def test_what_a_last_article_is_moved_to_is_not_placed_by_that(desk: Desk) -> None:
    desk.move(3, 0)
    desk.move(4, 0)
    assert [desk.member(number).placed_by is not None for number in range(5)] == [False, False, False, True, True]


def test_a_corrected_article_does_not_follow_what_was_split_off(desk: Desk) -> None:
    desk.split(0)
    pull(desk, 0, 5)
    home = desk.home(1)
    assert kinds(pull(desk, 1, 5)) == [(home, UpdateKind.UPDATED, Cause.CORRECTION)]
    assert desk.home(1) != desk.home(0)
    assert desk.member(1).decision.verdict is Verdict.KEPT


def test_a_corrected_article_stays_in_a_pinned_story(desk: Desk) -> None:
    desk.pin(0)
    home = desk.home(0)
    assert kinds(pull(desk, 0, 2)) == [(home, UpdateKind.UPDATED, Cause.CORRECTION)]
    assert desk.member(0).placed_by is None
    desk.command(UnpinStory(story_id=home, **SIGNED))
    assert UpdateKind.MOVED in {update.kind for update in desk.take(article(0, subject=2, hour=0, revision=2))}


def test_new_articles_join_a_pinned_story(desk: Desk) -> None:
    desk.pin(0)
    desk.take(article(9, subject=1, hour=3))
    assert desk.home(9) == desk.home(0)


def two_of_one_subject() -> Desk:
    """Two stories that the next article on their subject makes one."""
    return Desk(article(0, subject=13), article(1, subject=13, wobble=3))


def test_alike_stories_are_merged_unless_one_is_pinned() -> None:
    desk = two_of_one_subject()
    assert desk.home(0) != desk.home(1)
    desk.take(article(2, subject=13))
    assert desk.home(0) == desk.home(1)
    desk = two_of_one_subject()
    desk.pin(1)
    desk.take(article(2, subject=13))
    assert desk.home(0) != desk.home(1)


def test_what_was_split_is_not_merged_by_the_engine_but_by_command() -> None:
    desk = Desk(article(0, subject=13), article(1, subject=13), article(2, subject=13))
    desk.split(0)
    desk.take(article(3, subject=13), article(4, subject=13))
    assert desk.home(0) != desk.home(1)
    desk.merge(0, 1)
    assert desk.story(0).article_count == 5
    assert desk.story(0).kept_apart == ()


def test_what_is_kept_apart_is_inherited_on_all_sides(desk: Desk) -> None:
    desk.split(0, 1)
    left, survivor = desk.home(0), desk.home(3)
    updates = desk.merge(2, 3)
    assert desk.home(2) == survivor
    assert desk.story(0).kept_apart == (survivor,)
    assert desk.story(2).kept_apart == (left,)
    assert kinds(updates)[2:] == [(left, UpdateKind.UPDATED, Cause.COMMAND)]
    desk.split(4)
    assert set(desk.story(4).kept_apart) == {left, survivor}
    assert set(desk.story(0).kept_apart) == {survivor, desk.home(4)}


def test_retraction_is_the_producers_right(desk: Desk) -> None:
    desk.split(0)
    desk.pin(0)
    (update,) = desk.take(ArticleRetraction(article_id="a0", edition=EDITION))
    assert update.kind is UpdateKind.CLOSED


def test_a_split_off_story_that_is_overdue_closes_at_once() -> None:
    desk = Desk(article(0), article(1, hour=24 * 4))
    desk.merge(0, 1)
    desk.take(article(2, subject=2, hour=24 * 9))
    assert [update.kind for update in desk.split(0)] == [UpdateKind.SPLIT, UpdateKind.CREATED, UpdateKind.CLOSED]


def refusals(desk: Desk) -> dict[str, tuple[StoryCommand, str]]:
    one, other = desk.home(0), desk.home(3)
    return {
        "unknown story": (PinStory(story_id="st-x", **SIGNED), "there is no story 'st-x' in edition 'main'"),
        "unknown second story": (
            MergeStories(story_id=one, other_story_id="st-x", **SIGNED),
            "there is no story 'st-x'",
        ),
        "itself": (
            MergeStories(story_id=one, other_story_id=one, **SIGNED),
            f"story {one} cannot be merged with itself",
        ),
        "unknown article": (MoveArticle(article_id="a99", story_id=one, **SIGNED), "there is no article 'a99'"),
        "there already": (
            MoveArticle(article_id="a0", story_id=one, **SIGNED),
            f"article 'a0' is in story {one} already",
        ),
        "unknown in a split": (SplitStory(story_id=one, article_ids=("a0", "a99"), **SIGNED), "no article 'a99'"),
        "another's article": (
            SplitStory(story_id=one, article_ids=("a0", "a3"), **SIGNED),
            f"article 'a3' is in story {other}, not in {one}",
        ),
        "all articles": (
            SplitStory(story_id=one, article_ids=("a0", "a1", "a2", "a1"), **SIGNED),
            f"story {one} has no other articles: a split must leave at least one",
        ),
        "not pinned": (UnpinStory(story_id=one, **SIGNED), f"story {one} is not pinned"),
    }


def assert_refused(desk: Desk, command: StoryCommand, reason: str) -> None:
    before = {story_id: desk.engine.story(story_id) for story_id in desk.engine.edition.stories}
    with pytest.raises(CommandRefused, match=reason):
        desk.engine.apply(command)
    assert desk.engine.edition.changes == StoryChanges()
    assert {story_id: desk.engine.story(story_id) for story_id in desk.engine.edition.stories} == before


@pytest.mark.parametrize("name", refusals(Desk(*(article(n, subject=1 + n // 3) for n in range(5)))))
def test_what_is_refused(desk: Desk, name: str) -> None:
    assert_refused(desk, *refusals(desk)[name])


def test_a_merged_story_names_its_survivor(desk: Desk) -> None:
    absorbed, survivor = desk.home(3), desk.home(0)
    desk.merge(0, 3)
    assert_refused(
        desk, PinStory(story_id=absorbed, **SIGNED), f"story {absorbed} became part of story {survivor}: name that one"
    )


def test_closed_stories_are_left_alone(desk: Desk) -> None:
    closed = desk.home(0)
    desk.take(article(9, subject=5, hour=24 * 10), article(10, subject=5, hour=24 * 10))
    reason = "is closed: only open stories can be corrected"
    assert_refused(desk, PinStory(story_id=closed, **SIGNED), f"story {closed} {reason}")
    assert_refused(
        desk,
        MoveArticle(article_id="a0", story_id=desk.home(9), **SIGNED),
        f"article 'a0' is in story {closed}, which {reason}",
    )


def test_a_pin_names_who_pinned_before(desk: Desk) -> None:
    desk.pin(0)
    assert_refused(desk, PinStory(story_id=desk.home(0), **SIGNED), "is pinned already, by Jane")


def test_nothing_is_forgotten_of_what_is_kept_apart() -> None:
    desk = Desk(*(article(number, subject=1) for number in range(KEPT_APART_MAX + 2)))
    for number in range(KEPT_APART_MAX):
        desk.split(number)
    last = KEPT_APART_MAX
    assert len(desk.story(last).kept_apart) == KEPT_APART_MAX
    assert_refused(
        desk,
        SplitStory(story_id=desk.home(last), article_ids=(f"a{last}",), **SIGNED),
        "would have to be kept apart from more than 100 others",
    )
