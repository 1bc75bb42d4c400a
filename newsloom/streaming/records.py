"""Records and messages of a log: bytes, with topic, partition and offset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    """One partition of a topic; `topic` is the full name, with the prefix."""

    topic: str
    partition: int


class PartitionOffset(NamedTuple):
    """The position of a record in its topic; as text, `partition/offset`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read from the log. `timestamp_ms` is Unix time in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def topic_partition(self) -> TopicPartition:
        """The partition of the record."""
        return TopicPartition(self.topic, self.partition)

    @property
    def position(self) -> PartitionOffset:
        """The partition and offset of the record."""
        return PartitionOffset(self.partition, self.offset)

    def header(self, name: str) -> str | None:
        """Return the last header of that name as text, or None. Bytes that are not UTF-8 are escaped."""
        for key, value in reversed(self.headers):
            if key == name:
                return value.decode("utf-8", "backslashreplace")
        return None


@dataclass(frozen=True, slots=True)
class Message:
    """A record to write. Without a partition, the partition key determines it, or else the key (murmur2, as on Kafka)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None
    timestamp_ms: int | None = None
    """Unix time in milliseconds; None means the time of writing."""
    partition_key: bytes | None = None
    """The key of records of another topic: this one goes to the partition of the same number, if there are as many."""

    @property
    def size_bytes(self) -> int:
        """The bytes of key, value and headers, without what a log adds to store them."""
        headers = sum(len(name.encode()) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of a poll: records, and the changes of the assignment since the last poll.

    A partition in both `lost` and `gained` had another owner in between: discard its state. `joined` is False until the
    group has assigned partitions to this member for the first time; none may be assigned. `rebalanced`: the group has assigned
    its partitions anew, perhaps the same ones. `backlog` is the number of records after this batch in each assigned partition;
    a partition is missing while its end is not known. `token` proves the membership at the time of the poll; pass the batch to
    `commit` unchanged.
    """

    records: tuple[Record, ...] = ()
    gained: frozenset[TopicPartition] = frozenset()
    lost: frozenset[TopicPartition] = frozenset()
    joined: bool = True
    rebalanced: bool = False
    backlog: Mapping[TopicPartition, int] = field(default_factory=dict)
    token: object = None
