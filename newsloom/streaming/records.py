"""What travels over the log: bytes with a place. Nothing here knows about news."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    """One partition of one topic, by its full name (prefix included)."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in the log. `timestamp_ms` is Unix time in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def source(self) -> TopicPartition:
        """The partition the record stands in."""
        return TopicPartition(self.topic, self.partition)

    def header(self, name: str) -> str | None:
        """The last header of that name as text, or None. Bytes that are not UTF-8 are shown escaped."""
        for key, value in reversed(self.headers):
            if key == name:
                return value.decode("utf-8", "backslashreplace")
        return None


@dataclass(frozen=True, slots=True)
class Message:
    """A record to be written. Without a partition, the key chooses one (murmur2, the same on every log)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None
    timestamp_ms: int | None = None
    """Unix time in milliseconds; None takes the time of writing."""

    @property
    def size_bytes(self) -> int:
        """The bytes of key, value and headers, without what a log adds to store them."""
        headers = sum(len(name.encode()) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll brought: records, and what happened to the assignment since the poll before.

    A partition in both `lost` and `gained` was away in between: whatever state is held for it is stale. `joined` says whether
    the group has given out its partitions to this member yet: until then, none held does not mean that none is ours.
    `token` is the log's own proof of membership at the time of the poll; pass the batch back to `commit` unchanged.
    """

    records: tuple[Record, ...] = ()
    gained: frozenset[TopicPartition] = frozenset()
    lost: frozenset[TopicPartition] = frozenset()
    joined: bool = True
    token: object = None
