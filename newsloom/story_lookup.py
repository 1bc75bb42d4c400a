"""Find a story by its id or by the beginning of its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from newsloom.contracts.story import Story

IDS_LISTED_MAX: Final = 10


class StoryNotFound(LookupError):
    """No story has such an id, or several ids begin with it; the message lists them."""


def find_story(stories: Mapping[str, Story], story_id: str) -> Story:
    """Return the story with that id, or the only one whose id begins with it; raise `StoryNotFound`."""
    if story_id in stories:
        return stories[story_id]
    found = sorted(known for known in stories if known.startswith(story_id))
    if len(found) == 1:
        return stories[found[0]]
    if not found:
        raise StoryNotFound(f"there is no story {story_id!r}: `newsloom stories --all` lists them")
    more = f" and {len(found) - IDS_LISTED_MAX:,} more" if len(found) > IDS_LISTED_MAX else ""
    raise StoryNotFound(f"{len(found):,} stories begin with {story_id!r}: {', '.join(found[:IDS_LISTED_MAX])}{more}")
