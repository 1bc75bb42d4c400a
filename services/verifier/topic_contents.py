"""The books: of each record on the topics what is needed to check it, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from newsloom.contracts.command import StoryCommand
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.pipeline import CLUSTERER, RecordId, ServiceDefinition
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.topics import ARTICLE_VECTORS, TopicDefinition
from newsloom.streaming.records import TopicPartition
from services.verifier.findings import Place

T = TypeVar("T")
Committed = dict[tuple[str, TopicPartition], int]
"""Committed offset by service name and partition."""


class Stood(NamedTuple, Generic[T]):
    """A value and where it stands. `source` begins with the record it was made from: `topic/partition/offset`."""

    place: Place
    value: T
    source: str = ""


class Passed(NamedTuple):
    """A record of `article-vectors`. `article_id` is empty, and `command` set, if it is a command."""

    place: Place
    source: str
    edition: str
    article_id: str
    withdrawn: bool
    model: str
    command: StoryCommand | None


class Letter(NamedTuple):
    """A dead letter: the record it came from, the reason, and a digest of what it holds."""

    place: Place
    origin: RecordId
    service: str
    reason: str
    content: bytes


class Marker(NamedTuple):
    """A note that the letter at `offset` of the same partition was replayed."""

    place: Place
    offset: int


@dataclass(slots=True)
class Books:
    """Everything on the topics of one installation, by full names. `committed` holds every service's offsets."""

    names: dict[TopicDefinition, str]
    starts: dict[TopicPartition, int]
    ends: dict[TopicPartition, int]
    committed: Committed
    cut: set[TopicPartition]
    """The partitions whose beginning retention has taken, here or where they were copied from."""
    records: dict[TopicPartition, int] = field(default_factory=dict)
    inputs: dict[TopicPartition, dict[int, bytes]] = field(default_factory=dict)
    """Articles, commands and vectors, readable or not: a digest of the content of each offset."""
    passed: list[Passed] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    updates: list[Stood[StoryUpdate]] = field(default_factory=list)
    stories: list[Stood[Story]] = field(default_factory=list)
    memberships: list[Stood[Membership]] = field(default_factory=list)
    checkpoints: list[Stood[Checkpoint]] = field(default_factory=list)

    def sources(self, topic: TopicDefinition) -> list[TopicPartition]:
        """The partitions of a topic."""
        return sorted(source for source in self.ends if source.topic == self.names[topic])

    def is_cut(self, topic: TopicDefinition) -> bool:
        """Whether retention has taken the beginning of a partition of the topic."""
        return any(source in self.cut for source in self.sources(topic))

    def committed_offset(self, service: ServiceDefinition, source: TopicPartition) -> int:
        """Return the offset of the first record of the partition that the service has not processed."""
        return self.committed.get((service.name, source), 0)

    def rejected(self, service: ServiceDefinition) -> set[RecordId]:
        """Return the records that the service wrote to the dead letters."""
        return {letter.origin for letter in self.letters if letter.service == service.name}

    def accepted(self) -> Iterator[Passed]:
        """What the clusterer has taken in and not rejected, in the order of each partition."""
        rejected, topic = self.rejected(CLUSTERER), self.names[ARTICLE_VECTORS]
        for one in self.passed:
            taken_in = one.place.offset < self.committed_offset(CLUSTERER, TopicPartition(topic, one.place.partition))
            if taken_in and RecordId(topic, *one.place) not in rejected:
                yield one
