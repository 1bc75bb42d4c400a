"""Everything an installation has written, read as by a subscriber."""

from __future__ import annotations

from dataclasses import dataclass

from newsloom.contracts.membership import Membership
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, DEAD_LETTERS, STORY_COMMANDS
from newsloom.streaming.log import Log
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from newsloom.subscribe import Newsloom


@dataclass(frozen=True, slots=True)
class Published:
    """The contents of the topics in order; each topic has one partition."""

    articles: tuple[Record, ...]
    vectors: tuple[Record, ...]
    dead_letters: tuple[Record, ...]
    updates: tuple[StoryUpdate, ...]
    stories: dict[str, Story]
    memberships: dict[tuple[str, str], Membership]
    commands: tuple[Record, ...] = ()

    @property
    def vector_events(self) -> list[tuple[bytes | None, bytes | None]]:
        """Return keys and values of the vectors, without the positions of their input."""
        return [(record.key, record.value) for record in self.vectors]


def read_published(log: Log, prefix: str) -> Published:
    """Read everything on the log under this topic prefix."""
    newsloom = Newsloom(log, topic_prefix=prefix)
    return Published(
        articles=tuple(read_topic(log, prefix + ARTICLES.name)),
        vectors=tuple(read_topic(log, prefix + ARTICLE_VECTORS.name)),
        dead_letters=tuple(read_topic(log, prefix + DEAD_LETTERS.name)),
        updates=tuple(newsloom.updates(start="earliest", idle_s=0)),
        stories=newsloom.stories(),
        memberships=newsloom.memberships(),
        commands=tuple(read_topic(log, prefix + STORY_COMMANDS.name)),
    )
