"""Stories that a command has told from one another: the engine never makes one of them.

Among open stories the relation is symmetric, and it follows them: the survivor of a merge is kept apart from what the
absorbed story was kept apart from, a story that was split off from what the other half is kept apart from. Stories that
have closed never merge, so that they may be left out whenever a list is written anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from newsloom.contracts.story import KEPT_APART_MAX
from services.clusterer.core.story import LiveStory

Stories = Mapping[str, LiveStory]


def may_merge(one: LiveStory, other: LiveStory, stories: Stories) -> bool:
    """Whether the engine may make one story of these two without undoing, or forgetting, what a command has done."""
    if one.pinned is not None or other.pinned is not None or other.id in one.kept_apart:
        return False
    return has_room(joint(one, other, stories))


def has_room(kept_apart: Iterable[str]) -> bool:
    """Whether a story can be kept apart from so many."""
    return len(tuple(kept_apart)) <= KEPT_APART_MAX


def standing(story: LiveStory, stories: Stories) -> tuple[str, ...]:
    """The open stories that this one is kept apart from, in the order of the commands."""
    return tuple(other for other in story.kept_apart if other in stories and stories[other].is_open)


def joint(one: LiveStory, other: LiveStory, stories: Stories) -> tuple[str, ...]:
    """What one story made of these two is to be kept apart from."""
    both = dict.fromkeys((*standing(one, stories), *standing(other, stories)))
    return tuple(story_id for story_id in both if story_id not in {one.id, other.id})


def with_one_more(story: LiveStory, other: str, stories: Stories) -> tuple[str, ...]:
    """What the story is kept apart from, and another one besides."""
    return tuple(dict.fromkeys((*standing(story, stories), other)))


def tell_apart(one: LiveStory, other: LiveStory, stories: Stories) -> None:
    """Keep these two apart from now on."""
    one.kept_apart = with_one_more(one, other.id, stories)
    other.kept_apart = with_one_more(other, one.id, stories)


def inherit(survivor: LiveStory, absorbed: LiveStory, stories: Stories) -> list[LiveStory]:
    """Hand on what the absorbed story is kept apart from, before it goes; the stories on the other side, now changed."""
    neighbours = [stories[other] for other in standing(absorbed, stories) if other != survivor.id]
    survivor.kept_apart = joint(survivor, absorbed, stories)
    for neighbour in neighbours:
        renamed = (survivor.id if other == absorbed.id else other for other in standing(neighbour, stories))
        neighbour.kept_apart = tuple(dict.fromkeys(renamed))
    absorbed.kept_apart = ()
    return neighbours


def branch(story: LiveStory, old: LiveStory, stories: Stories) -> list[LiveStory]:
    """Keep a story just split off apart from the old one and all that that is; the stories on the other side, now changed."""
    neighbours = [stories[other] for other in standing(old, stories)]
    for neighbour in (*neighbours, old):
        tell_apart(story, neighbour, stories)
    return neighbours
