"""The Kafka rights that each role needs, and no more. Read by `topics acls`, docs/security.md, the start checks and tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from newsloom.contracts.pipeline import CONSUMED, SERVICES, SUBSCRIBERS, TOPICS, ServiceDefinition, SubscriberDefinition
from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLES,
    DEAD_LETTERS,
    STORIES,
    STORY_COMMANDS,
    STORY_UPDATES,
    TopicDefinition,
)


class Operation(Enum):
    """Kafka's name of an operation. Read and Write include Describe."""

    CREATE = "Create"
    DESCRIBE = "Describe"
    DESCRIBE_CONFIGS = "DescribeConfigs"
    READ = "Read"
    WRITE = "Write"
    DELETE = "Delete"


class Resource(Enum):
    """Kind of resource, as `kafka-acls.sh` names it."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"


@dataclass(frozen=True, slots=True)
class Right:
    """One operation on one resource; if `prefixed`, on all resources whose names begin with `name`."""

    operation: Operation
    resource: Resource
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        return f"{self.operation.value} on {self.resource.value} {self.name}{'*' if self.prefixed else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """Processes that need the same rights and can share a principal.

    Groups and writers are without the topic prefix; a name that ends in a dash means all that begin with it.
    """

    name: str
    used_by: str
    creates: tuple[TopicDefinition, ...] = ()
    describes: tuple[TopicDefinition, ...] = ()
    """Topics whose settings it reads."""
    reads: tuple[TopicDefinition, ...] = ()
    writes: tuple[TopicDefinition, ...] = ()
    groups: tuple[str, ...] = ()
    """Groups whose members it runs. The transactional id of each member begins with the group's name and a dash."""
    writers: tuple[str, ...] = ()
    """Names under which it writes: each is a transactional id, and the group that holds the writer's progress."""
    discarded_writers: tuple[str, ...] = ()
    """Those of them that are used once: their progress is deleted in the end."""
    described_groups: tuple[str, ...] = ()
    """Other roles' groups, whose committed offsets it reads."""

    def rights(self, topic_prefix: str) -> list[Right]:
        """Return all rights of the role, grouped by operation and kind of resource."""
        only_described = [topic for topic in self.describes if topic not in {*self.reads, *self.writes}]
        on_topics = (
            (Operation.CREATE, self.creates),
            (Operation.DESCRIBE, only_described),
            (Operation.DESCRIBE_CONFIGS, self.describes),
            (Operation.READ, self.reads),
            (Operation.WRITE, self.writes),
        )
        members = tuple(name if name.endswith("-") else f"{name}-" for name in self.groups)
        on_names = (
            (Operation.READ, Resource.GROUP, (*self.groups, *self.writers)),
            (Operation.DELETE, Resource.GROUP, self.discarded_writers),
            (Operation.DESCRIBE, Resource.GROUP, self.described_groups),
            (Operation.WRITE, Resource.TRANSACTIONAL_ID, (*members, *self.writers)),
        )
        return [
            *(
                Right(operation, Resource.TOPIC, topic_prefix + topic.name)
                for operation, topics in on_topics
                for topic in topics
            ),
            *(
                Right(operation, resource, topic_prefix + name, prefixed=name.endswith("-"))
                for operation, resource, names in on_names
                for name in names
            ),
        ]


_PUBLISHED: Final = (STORY_UPDATES, STORIES, ARTICLE_STORIES)


def _service_role(service: ServiceDefinition) -> Role:
    return Role(
        name=service.name,
        used_by=f"the {service.name}",
        describes=TOPICS,
        reads=(*service.consumes, *service.state),
        writes=(*service.produces, *service.state, DEAD_LETTERS),
        groups=(service.name,),
    )


def _subscriber_role(subscriber: SubscriberDefinition) -> Role:
    return Role(name=subscriber.name, used_by=f"the {subscriber.name}", reads=subscriber.consumes)


_SERVICE_NAMES: Final = tuple(service.name for service in SERVICES)

# A writer commits its progress as an offset of the first topic that it writes to, and therefore needs Read on it.
ROLES: Final = (
    Role(name="admin", used_by="newsloom topics create, check", creates=TOPICS, describes=TOPICS),
    Role(
        name="ingest",
        used_by="newsloom ingest",
        describes=(ARTICLES,),
        reads=(ARTICLES,),
        writes=(ARTICLES,),
        writers=("ingest-",),
        discarded_writers=("ingest-stream-",),
    ),
    *map(_service_role, SERVICES),
    *map(_subscriber_role, SUBSCRIBERS),
    Role(name="reader", used_by="newsloom stories, watch, explain, audit", reads=_PUBLISHED),
    Role(
        name="subscriber",
        used_by="a program that calls newsloom.subscribe",
        reads=_PUBLISHED,
        groups=("subscriber-",),
    ),
    Role(
        name="operator",
        used_by="newsloom stories merge, split, move, pin; a program that calls newsloom.send_command",
        describes=(STORY_COMMANDS,),
        reads=(*_PUBLISHED, STORY_COMMANDS, DEAD_LETTERS),
        writes=(STORY_COMMANDS,),
        writers=("command-",),
        discarded_writers=("command-",),
    ),
    Role(
        name="dead-letters",
        used_by="newsloom dead-letters",
        describes=(*CONSUMED, DEAD_LETTERS),
        reads=(DEAD_LETTERS,),
        writes=(*CONSUMED, DEAD_LETTERS),
        writers=("dead-letters-replay",),
    ),
    Role(
        name="verifier",
        used_by="newsloom state verify; newsloom migrate, under the old prefix",
        reads=TOPICS,
        described_groups=_SERVICE_NAMES,
    ),
    Role(
        name="migrator",
        used_by="newsloom migrate, under the new prefix",
        creates=TOPICS,
        describes=TOPICS,
        reads=TOPICS,
        writes=TOPICS,
        groups=(*_SERVICE_NAMES, "follow"),
        writers=("migrate",),
    ),
)
