"""Stories that commands keep apart, through merges and splits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.command import CommandKind, CommandRef
from newsloom.contracts.story import KEPT_APART_MAX, StoryState
from services.clusterer.core.separation import (
    Lists,
    has_room,
    kept_apart_of_both,
    lists_after_merge,
    lists_after_separation,
    lists_after_split,
    may_merge,
    open_kept_apart,
)
from services.clusterer.core.story import LiveStory
from tests.laws.streams import START
from tests.unit.clusterer.harness import live_story

Pairs = set[frozenset[str]]
operations = st.lists(
    st.tuples(st.sampled_from(["separate", "merge", "split"]), st.integers(0, 50), st.integers(0, 50)), max_size=30
)


def new_stories(count: int) -> dict[str, LiveStory]:
    return {name: live_story(name) for name in (f"st-{number}" for number in range(count))}


def update(stories: dict[str, LiveStory], lists: Lists) -> None:
    for story_id, kept_apart in lists.items():
        stories[story_id].kept_apart = kept_apart


def open_pairs(stories: dict[str, LiveStory]) -> Pairs:
    """Return the pairs of open stories that are kept apart, and check that both of each pair list the other."""
    listed = [
        (story.id, other) for story in stories.values() if story.is_open for other in open_kept_apart(story, stories)
    ]
    assert sorted(listed) == sorted((other, one) for one, other in listed)
    return {frozenset(pair) for pair in listed}


@given(operations)
def test_the_relation_is_symmetric_and_follows_merges_and_splits(given_operations: list[tuple[str, int, int]]) -> None:
    stories = new_stories(4)
    expected: Pairs = set()
    for kind, first, second in given_operations:
        open_ids = [story.id for story in stories.values() if story.is_open]
        one, other = stories[open_ids[first % len(open_ids)]], stories[open_ids[second % len(open_ids)]]
        if kind == "split":
            new = stories[f"st-{len(stories)}"] = live_story(f"st-{len(stories)}")
            update(stories, lists_after_split(new, one, stories))
            expected |= {frozenset((new.id, *(pair - {one.id}))) for pair in expected if one.id in pair}
            expected.add(frozenset((new.id, one.id)))
        elif one is other:
            continue
        elif kind == "separate":
            update(stories, lists_after_separation(one, other, stories))
            expected.add(frozenset((one.id, other.id)))
        else:
            update(stories, lists_after_merge(one, other, stories))
            other.state = StoryState.MERGED
            renamed = {frozenset(one.id if name == other.id else name for name in pair) for pair in expected}
            expected = {pair for pair in renamed if len(pair) == 2}
        assert open_pairs(stories) == expected


def test_stories_kept_apart_or_pinned_may_not_merge() -> None:
    stories = new_stories(3)
    one, other, third = stories.values()
    assert may_merge(one, other, stories)
    update(stories, lists_after_separation(one, other, stories))
    assert not may_merge(one, other, stories)
    assert may_merge(one, third, stories)
    third.pinned = CommandRef(id="c-1", kind=CommandKind.PIN, by="Jane", why="so", issued_at=START)
    assert not may_merge(one, third, stories)


def test_a_merge_whose_joint_list_is_too_long_is_not_allowed() -> None:
    stories = new_stories(KEPT_APART_MAX + 3)
    one, other, *others = stories.values()
    for number, story in enumerate(others):
        update(stories, lists_after_separation((one, other)[number % 2], story, stories))
    assert len(kept_apart_of_both(one, other, stories)) == KEPT_APART_MAX + 1
    assert not may_merge(one, other, stories)
    others[0].state = StoryState.CLOSED
    assert may_merge(one, other, stories)
    assert has_room(kept_apart_of_both(one, other, stories))
