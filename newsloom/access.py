"""Who needs which rights on Kafka: the least for each role, as data. Commands, documents, start checks and tests read it here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from newsloom.contracts.pipeline import CONSUMED, SERVICES, TOPICS, ServiceDefinition
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
    """What may be done, in Kafka's words. Read and Write bring Describe with them."""

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

    `groups`, `watched` and `identities` (transactional ids) come without the topic prefix; one that ends in a dash stands for
    all that begin with it.
    """

    name: str
    used_by: str
    creates: tuple[TopicDefinition, ...] = ()
    inspects: tuple[TopicDefinition, ...] = ()
    """Topics whose settings are looked at."""
    reads: tuple[TopicDefinition, ...] = ()
    writes: tuple[TopicDefinition, ...] = ()
    groups: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    """Groups of others, whose place is looked at."""
    identities: tuple[str, ...] = ()

    def rights(self, topic_prefix: str) -> list[Right]:
        """All that the role needs and no more, in an order that groups what belongs together."""
        seen = [topic for topic in self.inspects if topic not in {*self.reads, *self.writes}]
        on_topics = (
            (Operation.CREATE, self.creates),
            (Operation.DESCRIBE, seen),
            (Operation.DESCRIBE_CONFIGS, self.inspects),
            (Operation.READ, self.reads),
            (Operation.WRITE, self.writes),
        )
        on_names = (
            (Operation.READ, Resource.GROUP, self.groups),
            (Operation.DESCRIBE, Resource.GROUP, self.watched),
            (Operation.WRITE, Resource.TRANSACTIONAL_ID, self.identities),
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
        inspects=TOPICS,
        reads=(*service.consumes, *service.state),
        writes=(*service.produces, *service.state, DEAD_LETTERS),
        groups=(service.name,),
        identities=(f"{service.name}-",),
    )


_SERVICE_NAMES: Final = tuple(service.name for service in SERVICES)

# A writer commits its progress as an offset of the first topic that it writes to, which needs Read there.
ROLES: Final = (
    Role(name="admin", used_by="newsloom topics create, check", creates=TOPICS, inspects=TOPICS),
    Role(
        name="ingest",
        used_by="newsloom ingest",
        inspects=(ARTICLES,),
        reads=(ARTICLES,),
        writes=(ARTICLES,),
        groups=("ingest-",),
        identities=("ingest-",),
    ),
    *map(_service_role, SERVICES),
    Role(name="reader", used_by="newsloom stories, watch, explain, audit", reads=_PUBLISHED),
    Role(
        name="subscriber",
        used_by="a program on newsloom.subscribe",
        reads=_PUBLISHED,
        groups=("subscriber-",),
        identities=("subscriber-",),
    ),
    Role(
        name="operator",
        used_by="newsloom stories merge, split, move, pin",
        inspects=(STORY_COMMANDS,),
        reads=(*_PUBLISHED, STORY_COMMANDS, DEAD_LETTERS),
        writes=(STORY_COMMANDS,),
        groups=("command-",),
        identities=("command-",),
    ),
    Role(
        name="dead-letters",
        used_by="newsloom dead-letters",
        inspects=(*CONSUMED, DEAD_LETTERS),
        reads=(DEAD_LETTERS,),
        writes=(*CONSUMED, DEAD_LETTERS),
        groups=("dead-letters-replay",),
        identities=("dead-letters-replay",),
    ),
    Role(
        name="verifier",
        used_by="newsloom state verify; newsloom migrate, under the old prefix",
        reads=TOPICS,
        watched=_SERVICE_NAMES,
    ),
    Role(
        name="migrator",
        used_by="newsloom migrate, under the new prefix",
        creates=TOPICS,
        inspects=TOPICS,
        reads=TOPICS,
        writes=TOPICS,
        groups=(*_SERVICE_NAMES, "migrate", "follow"),
        identities=(*(f"{name}-" for name in _SERVICE_NAMES), "migrate", "follow-"),
    ),
)
