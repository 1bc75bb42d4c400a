"""What one event changes in the published stories."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from newsloom.contracts.membership import Membership
from newsloom.contracts.story import StoryUpdate


@dataclass(slots=True)
class StoryChanges:
    """Updates and memberships in the order they were made, and the ids of the stories to publish again.

    A membership of None means that the article is in no story any more. `uncompared_article_id` is a late article that founded a
    story although there are closed stories of its time that are no longer comparable. It is not published, and a restored engine
    may leave it out after retractions. `loose_story_id` is a story with a large share of the edition's reports that are hardly
    alike; it is not published either. Nor is `clock_set_back_from`, the time from which the edition's clocks went back.
    """

    updates: list[StoryUpdate] = field(default_factory=list)
    memberships: list[tuple[str, Membership | None]] = field(default_factory=list)
    stories: dict[str, None] = field(default_factory=dict)
    uncompared_article_id: str | None = field(default=None, compare=False)
    loose_story_id: str | None = field(default=None, compare=False)
    clock_set_back_from: datetime | None = field(default=None, compare=False)
