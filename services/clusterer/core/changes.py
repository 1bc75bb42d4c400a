"""What a decision changes in the published world."""

from __future__ import annotations

from dataclasses import dataclass, field

from newsloom.contracts.membership import Membership
from newsloom.contracts.story import StoryUpdate


@dataclass(slots=True)
class StoryChanges:
    """In the order they were made. A membership of None is one that ended; `stories` names those to be published anew."""

    updates: list[StoryUpdate] = field(default_factory=list)
    memberships: list[tuple[str, Membership | None]] = field(default_factory=list)
    stories: dict[str, None] = field(default_factory=dict)
