"""The pipeline as data: what each service consumes, restores from and produces, and the headers and ids that travel with it.

A new service is an entry in `SERVICES`, a folder `services/NAME` and its `__main__.py`. Rights, wiring, `newsloom run`,
`newsloom NAME`, the verifier and docs/architecture.md follow from the entry. A process that only reads is in `SUBSCRIBERS`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

import msgspec

from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLE_VECTORS,
    ARTICLES,
    DEAD_LETTERS,
    STORIES,
    STORY_COMMANDS,
    STORY_UPDATES,
    TopicDefinition,
)

CLOUDEVENT_ID: Final = "ce_id"
EVENT_TYPE: Final = "ce_type"
"""Header with the type of an event, which includes the version of its schema."""
EDITION_HEADER: Final = "edition"
"""Header with the edition of a retraction, which is a record without a value."""
TRACEPARENT: Final = "traceparent"
BEGINNING_CUT: Final = "beginning-cut"
"""Header of the first record of a migrated partition whose original had already lost records to retention."""
EMBEDDED_WITH: Final = "embedded-with"
"""Header of a membership that a migration embedded again: the model and the version of the text preparation."""


class ServiceDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A service: one process, one consumer group of the same name. Every service also produces dead letters."""

    name: str
    summary: str
    """One line for `newsloom --help`."""
    consumes: tuple[TopicDefinition, ...]
    produces: tuple[TopicDefinition, ...]
    state: tuple[TopicDefinition, ...] = ()
    """Compacted topics that it writes and restores from."""


class SubscriberDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A process that only reads: it has no consumer group, writes to no topic and keeps its offsets with what it makes."""

    name: str
    summary: str
    """One line for `newsloom --help`."""
    consumes: tuple[TopicDefinition, ...]


EMBEDDER: Final = ServiceDefinition(
    name="embedder",
    summary="Run the embedder: turn articles into vectors.",
    consumes=(ARTICLES, STORY_COMMANDS),
    produces=(ARTICLE_VECTORS,),
)
CLUSTERER: Final = ServiceDefinition(
    name="clusterer",
    summary="Run the clusterer: turn vectors into stories.",
    consumes=(ARTICLE_VECTORS,),
    produces=(STORY_UPDATES,),
    state=(STORIES, ARTICLE_STORIES),
)

SERVICES: Final = (EMBEDDER, CLUSTERER)
"""In the order in which records flow through them."""

STORYPAGE: Final = SubscriberDefinition(
    name="storypage",
    summary="Run the story page: stories as web pages, feeds, JSON and live events.",
    consumes=(STORIES, STORY_UPDATES, ARTICLE_STORIES, ARTICLES),
)
SUBSCRIBERS: Final = (STORYPAGE,)

TOPICS: Final = (
    *dict.fromkeys(topic for service in SERVICES for topic in (*service.consumes, *service.produces, *service.state)),
    DEAD_LETTERS,
)
CONSUMED: Final = tuple(dict.fromkeys(topic for service in SERVICES for topic in service.consumes))
"""Every topic that a service consumes, each once."""


class RecordId(NamedTuple):
    """Position of a record. As text, `topic/partition/offset`, it begins the id of every event made from that record.

    An offset below 0 is of a record that retention had deleted before a migration, counted back from the first one kept.
    """

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, event_id: str) -> Self | None:
        """Return the position that an event's id begins with, or None if it begins otherwise."""
        found = _RECORD_ID.match(event_id)
        return None if found is None else cls(found[1], int(found[2]), int(found[3]))


_RECORD_ID: Final = re.compile(r"([^/]+)/(\d+)/(-?\d+)(?=/|$)")


def update_id(story_id: str, version: int) -> str:
    """Return the event id of a story update."""
    return f"{story_id}/{version}"


def snapshot_id(story_id: str, version: int | None) -> str:
    """Return the event id of a story's snapshot; None stands for its tombstone."""
    return f"{story_id}/{'forgotten' if version is None else version}/snapshot"
