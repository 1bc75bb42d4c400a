"""Who needs which rights on Kafka: the least for each role, as data. Commands, documents, start checks and tests read it here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLE_VECTORS,
    ARTICLES,
    DEAD_LETTERS,
    STORIES,
    STORY_COMMANDS,
    STORY_UPDATES,
    TOPICS,
    TopicDefinition,
)


class Operation(Enum):
    """What may be done, in Kafka's words. Read, Write and Create bring Describe with them."""

    CREATE = "Create"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    READ = "Read"
    WRITE = "Write"


class Resource(Enum):
    """What it may be done to, in the words of `kafka-acls.sh`."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"


@dataclass(frozen=True, slots=True)
class Right:
    """One operation on one resource, or on all whose names begin with `name`."""

    operation: Operation
    resource: Resource
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.operation.value} on {self.resource.value} {self.name}{'*' if self.prefixed else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """Processes that need the same rights, and so can share a principal.

    `group` and `identity` (the transactional id) come without the topic prefix; one that ends in a dash stands for all that
    begin with it.
    """

    name: str
    used_by: str
    creates: tuple[TopicDefinition, ...] = ()
    inspects: tuple[TopicDefinition, ...] = ()
    """Topics whose settings are looked at."""
    reads: tuple[TopicDefinition, ...] = ()
    writes: tuple[TopicDefinition, ...] = ()
    group: str = ""
    identity: str = ""

    def rights(self, topic_prefix: str) -> list[Right]:
        """All that the role needs, each once, in an order that groups what belongs together."""
        return list(dict.fromkeys(self._rights(topic_prefix)))

    def _rights(self, prefix: str) -> Iterator[Right]:
        for topics, operations in (
            (self.creates, (Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)),
            (self.inspects, (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)),
            (self.reads, (Operation.READ,)),
            (self.writes, (Operation.WRITE,)),
        ):
            for operation in operations:
                yield from (Right(operation, Resource.TOPIC, prefix + topic.name) for topic in topics)
        if self.group:
            yield _named(Operation.READ, Resource.GROUP, prefix + self.group)
        if self.identity:
            yield _named(Operation.WRITE, Resource.TRANSACTIONAL_ID, prefix + self.identity)


def _named(operation: Operation, resource: Resource, name: str) -> Right:
    return Right(operation, resource, name, prefixed=name.endswith("-"))


_PUBLISHED: Final = (STORY_UPDATES, STORIES, ARTICLE_STORIES)
_INPUTS: Final = (ARTICLES, STORY_COMMANDS, ARTICLE_VECTORS)
"""Where a dead letter may have come from."""

# A writer keeps its place as an offset of the first topic that it writes to, and needs Read there for that.
ROLES: Final = (
    Role(name="admin", used_by="newsloom topics", creates=TOPICS),
    Role(
        name="ingest",
        used_by="newsloom ingest",
        inspects=(ARTICLES,),
        reads=(ARTICLES,),
        writes=(ARTICLES,),
        group="ingest-",
        identity="ingest-",
    ),
    Role(
        name="embedder",
        used_by="the embedder",
        inspects=TOPICS,
        reads=(ARTICLES, STORY_COMMANDS),
        writes=(ARTICLE_VECTORS, DEAD_LETTERS),
        group="embedder",
        identity="embedder-",
    ),
    Role(
        name="clusterer",
        used_by="the clusterer",
        inspects=TOPICS,
        reads=(ARTICLE_VECTORS, STORIES, ARTICLE_STORIES),
        writes=(STORY_UPDATES, STORIES, ARTICLE_STORIES, DEAD_LETTERS),
        group="clusterer",
        identity="clusterer-",
    ),
    Role(name="reader", used_by="newsloom stories, explain, audit, watch", reads=_PUBLISHED),
    Role(
        name="subscriber",
        used_by="a program on newsloom.subscribe",
        reads=_PUBLISHED,
        group="subscriber-",
        identity="subscriber-",
    ),
    Role(
        name="operator",
        used_by="newsloom stories merge, split, move, pin",
        inspects=(STORY_COMMANDS,),
        reads=(*_PUBLISHED, STORY_COMMANDS, DEAD_LETTERS),
        writes=(STORY_COMMANDS,),
        group="command-",
        identity="command-",
    ),
    Role(
        name="dead-letters",
        used_by="newsloom dead-letters",
        inspects=(*_INPUTS, DEAD_LETTERS),
        reads=(*_INPUTS, DEAD_LETTERS),
        writes=(*_INPUTS, DEAD_LETTERS),
        group="dead-letters-replay",
        identity="dead-letters-replay",
    ),
)
