"""Stories by as much of their id as somebody typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from newsloom.contracts.story import Story

NAMED_MAX: Final = 10


def find(stories: Mapping[str, Story], story_id: str) -> Story:
    """The story of that id, or the only one whose id begins so; a `ClickException` (exit status 1) if there is none."""
    if story_id in stories:
        return stories[story_id]
    found = sorted(known for known in stories if known.startswith(story_id))
    if len(found) == 1:
        return stories[found[0]]
    if not found:
        raise click.ClickException(f"there is no story {story_id!r}: `newsloom stories --all` lists them")
    more = f" and {len(found) - NAMED_MAX:,} more" if len(found) > NAMED_MAX else ""
    raise click.ClickException(f"{len(found):,} stories begin with {story_id!r}: {', '.join(found[:NAMED_MAX])}{more}")
