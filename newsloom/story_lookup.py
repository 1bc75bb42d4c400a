"""Find a story by its id or the beginning of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from newsloom.contracts.story import Story

NAMED_MAX: Final = 10


class StoryNotFound(LookupError):
    """No story, or more than one, has an id that begins so; the message says which."""


def find(stories: Mapping[str, Story], story_id: str) -> Story:
    """Return the story of that id, or the only one whose id begins so; raises `StoryNotFound`."""
    if story_id in stories:
        return stories[story_id]
    found = sorted(known for known in stories if known.startswith(story_id))
    if len(found) == 1:
        return stories[found[0]]
    if not found:
        raise StoryNotFound(f"there is no story {story_id!r}: `newsloom stories --all` lists them")
    more = f" and {len(found) - NAMED_MAX:,} more" if len(found) > NAMED_MAX else ""
    raise StoryNotFound(f"{len(found):,} stories begin with {story_id!r}: {', '.join(found[:NAMED_MAX])}{more}")
