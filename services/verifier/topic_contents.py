"""What the checks need of each record on the topics, in memory, with the record's position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from newsloom.contracts.command import StoryCommand
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.pipeline import CLUSTERER, RecordId, ServiceDefinition
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.topics import ARTICLE_VECTORS, TopicDefinition
from newsloom.streaming.records import PartitionOffset, TopicPartition

T = TypeVar("T")
CommittedOffsets = dict[tuple[str, TopicPartition], int]
"""Committed offset by service name and partition."""


class DecodedRecord(NamedTuple, Generic[T]):
    """A record's position, value and timestamp. `event_id` begins with the id of the input record that it was made from."""

    position: PartitionOffset
    value: T
    event_id: str = ""
    timestamp_ms: int = 0


class ForwardedRecord(NamedTuple):
    """A record of `article-vectors`: an article, a retraction or a command. `article_id` is empty for a command."""

    position: PartitionOffset
    event_id: str
    edition: str
    article_id: str
    is_retraction: bool
    command: StoryCommand | None


class DeadLetter(NamedTuple):
    """A dead letter: the record it was made from (`origin`), the reason, and a digest of its key and value."""

    position: PartitionOffset
    origin: RecordId
    service: str
    reason: str
    digest: bytes


class ReplayMarker(NamedTuple):
    """A note that the dead letter at an offset of the same partition was replayed."""

    position: PartitionOffset
    dead_letter_offset: int


@dataclass(slots=True)
class TopicContents:
    """Everything on the topics of one installation. `names` are the full topic names, prefix included."""

    names: dict[TopicDefinition, str]
    starts: dict[TopicPartition, int]
    ends: dict[TopicPartition, int]
    committed: CommittedOffsets
    truncated: set[TopicPartition]
    """Partitions that have lost their first records to retention, here or where a migration copied them from."""
    record_counts: dict[TopicPartition, int] = field(default_factory=dict)
    input_digests: dict[TopicPartition, dict[int, bytes]] = field(default_factory=dict)
    """Digest by offset of every record that a service consumes, decodable or not."""
    forwarded: list[ForwardedRecord] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    replay_markers: list[ReplayMarker] = field(default_factory=list)
    updates: list[DecodedRecord[StoryUpdate]] = field(default_factory=list)
    stories: list[DecodedRecord[Story]] = field(default_factory=list)
    memberships: list[DecodedRecord[Membership]] = field(default_factory=list)
    checkpoints: list[DecodedRecord[Checkpoint]] = field(default_factory=list)

    def is_current(self, ends: Mapping[TopicPartition, int], committed: CommittedOffsets) -> bool:
        """Return whether these contents are still complete: no record was written, and no further one was processed.

        `ends` and `committed` are the present offsets. A service that becomes idle on Kafka commits an offset after its last
        transaction marker. That processes no record.
        """
        if ends != self.ends or committed.keys() != self.committed.keys():
            return False
        for member, before in self.committed.items():
            _, partition = member
            if committed[member] < before:
                return False
            passed = range(before, committed[member])
            if passed and any(offset in passed for offset in self.input_digests.get(partition, ())):
                return False
        return True

    def partitions(self, topic: TopicDefinition) -> list[TopicPartition]:
        """Return the partitions of a topic in their order."""
        return sorted(partition for partition in self.ends if partition.topic == self.names[topic])

    def truncated_partitions(self, topic: TopicDefinition) -> list[TopicPartition]:
        """Return the partitions of the topic that have lost their first records to retention."""
        return [partition for partition in self.partitions(topic) if partition in self.truncated]

    def committed_offset(self, service: ServiceDefinition, partition: TopicPartition) -> int:
        """Return the offset of the first record of the partition that the service has not processed."""
        return self.committed.get((service.name, partition), 0)

    def rejected(self, service: ServiceDefinition) -> set[RecordId]:
        """Return the ids of the records that the service wrote to the dead letters."""
        return {letter.origin for letter in self.dead_letters if letter.service == service.name}

    def accepted(self) -> Iterator[ForwardedRecord]:
        """Yield what the clusterer has processed and not rejected, in offset order within each partition."""
        rejected, topic = self.rejected(CLUSTERER), self.names[ARTICLE_VECTORS]
        for record in self.forwarded:
            partition, offset = record.position
            is_processed = offset < self.committed_offset(CLUSTERER, TopicPartition(topic, partition))
            if is_processed and RecordId(topic, partition, offset) not in rejected:
                yield record
