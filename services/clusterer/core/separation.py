"""Stories that commands keep apart: the engine never merges them.

Among open stories the relation is symmetric. It follows merges and splits: the survivor of a merge is kept apart from the
stories that either side was kept apart from, and a story that is split off from those of the story it leaves. Closed stories
never merge, so they are dropped whenever a list is rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from newsloom.contracts.story import KEPT_APART_MAX
from services.clusterer.core.story import LiveStory

Stories = Mapping[str, LiveStory]
Lists = dict[str, tuple[str, ...]]
"""The new `kept_apart` of each story that changes, by story id."""


def may_merge(one: LiveStory, other: LiveStory, stories: Stories) -> bool:
    """Return whether the engine may merge two stories: both are open, no command forbids it, the joint list is short enough."""
    if not (one.is_open and other.is_open):
        return False
    if one.pinned is not None or other.pinned is not None or other.id in one.kept_apart:
        return False
    return has_room(kept_apart_of_both(one, other, stories))


def has_room(kept_apart: Iterable[str]) -> bool:
    """Return whether a story may be kept apart from this many others."""
    return len(tuple(kept_apart)) <= KEPT_APART_MAX


def open_kept_apart(story: LiveStory, stories: Stories) -> tuple[str, ...]:
    """Return the open stories that this one is kept apart from, in the order of the commands."""
    return tuple(other for other in story.kept_apart if other in stories and stories[other].is_open)


def kept_apart_of_both(one: LiveStory, other: LiveStory, stories: Stories) -> tuple[str, ...]:
    """Return the list of the story that a merge of these two would make."""
    both = dict.fromkeys((*open_kept_apart(one, stories), *open_kept_apart(other, stories)))
    return tuple(story_id for story_id in both if story_id not in {one.id, other.id})


def kept_apart_and(story: LiveStory, other_id: str, stories: Stories) -> tuple[str, ...]:
    """Return the story's list with another story added."""
    return tuple(dict.fromkeys((*open_kept_apart(story, stories), other_id)))


def lists_after_separation(one: LiveStory, other: LiveStory, stories: Stories) -> Lists:
    """Return the lists that keep these two apart."""
    return {one.id: kept_apart_and(one, other.id, stories), other.id: kept_apart_and(other, one.id, stories)}


def lists_after_merge(survivor: LiveStory, absorbed: LiveStory, stories: Stories) -> Lists:
    """Return the lists after a merge: the survivor takes the absorbed story's place in each of them."""
    lists: Lists = {absorbed.id: (), survivor.id: kept_apart_of_both(survivor, absorbed, stories)}
    for other in open_kept_apart(absorbed, stories):
        if other != survivor.id:
            renamed = (
                survivor.id if name == absorbed.id else name for name in open_kept_apart(stories[other], stories)
            )
            lists[other] = tuple(dict.fromkeys(renamed))
    return lists


def lists_after_split(new: LiveStory, old: LiveStory, stories: Stories) -> Lists:
    """Return the lists after a split: the new story is kept apart from the old one and from all that the old one is."""
    others = open_kept_apart(old, stories)
    lists = {other: kept_apart_and(stories[other], new.id, stories) for other in (*others, old.id)}
    return {new.id: (*others, old.id), **lists}
