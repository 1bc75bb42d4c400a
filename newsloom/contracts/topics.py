"""The definitions of the topics."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

DAY_MS: Final = 86_400_000


class Sizing(Enum):
    """Which setting gives the number of partitions of a topic.

    `state`: `NEWSLOOM_STATE_PARTITIONS`. Each engine owns one partition of every topic that it reads or restores from, so
    these topics have the same number. `free`: `NEWSLOOM_PARTITIONS`. Any number, which may be increased later.
    """

    STATE = "state"
    FREE = "free"


class TopicDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A topic. Without `retention_ms` its records are kept for ever; a compacted topic keeps the latest value of each key."""

    name: str
    key: str
    value: str
    sizing: Sizing
    compacted: bool = False
    retention_ms: int | None = None
    max_record_bytes: int = 1_048_576


ARTICLES: Final = TopicDefinition(
    name="articles",
    key="article id",
    value="Article; null is a retraction",
    sizing=Sizing.FREE,
    retention_ms=14 * DAY_MS,
)
STORY_COMMANDS: Final = TopicDefinition(
    name="story-commands", key="edition", value="StoryCommand", sizing=Sizing.FREE, retention_ms=90 * DAY_MS
)
ARTICLE_VECTORS: Final = TopicDefinition(
    name="article-vectors",
    key="edition",
    value="ArticleVector, ArticleRetraction or StoryCommand",
    sizing=Sizing.STATE,
    retention_ms=14 * DAY_MS,
)
STORY_UPDATES: Final = TopicDefinition(
    name="story-updates", key="story id", value="StoryUpdate", sizing=Sizing.FREE, retention_ms=90 * DAY_MS
)
STORIES: Final = TopicDefinition(
    name="stories", key="story id", value="Story; null once it is forgotten", sizing=Sizing.STATE, compacted=True
)
ARTICLE_STORIES: Final = TopicDefinition(
    name="article-stories",
    key="edition/article id; edition/ for the checkpoint",
    value="Membership or Checkpoint; null once the article is removed",
    sizing=Sizing.STATE,
    compacted=True,
)
DEAD_LETTERS: Final = TopicDefinition(
    name="dead-letters",
    key="key of the rejected record",
    value="value of the rejected record; the reason is in the headers",
    sizing=Sizing.FREE,
    retention_ms=90 * DAY_MS,
    # Room for the largest record of any other topic and the dead-letter headers.
    max_record_bytes=1_310_720,
)
