"""The log port: the few operations the services need, on any log that has topics, groups and transactions.

Two implementations, `newsloom.streaming.sqlite` (SQLite) and `newsloom.streaming.kafka` (Apache Kafka), pass one
conformance suite (tests/conformance). Every topic name here is the full name, prefix included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from newsloom.streaming.records import Batch, Message, Record, TopicPartition


class CleanupPolicy(Enum):
    """How a topic forgets: old records go (`delete`), or all but the latest of each key (`compact`)."""

    DELETE = "delete"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be. `retention_ms` counts for `delete` topics only; None keeps everything."""

    name: str
    partitions: int
    policy: CleanupPolicy
    retention_ms: int | None = None
    max_record_bytes: int = 1_048_576
    config: Mapping[str, str] = field(default_factory=dict)
    """Further settings, passed to a log that knows them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a writer's source has been taken in: a count, and a note that lets the writer recognise its source."""

    position: int
    note: str = ""


class Worker(Protocol):
    """A member of a consumer group that writes its results and its input offsets in one transaction.

    Used by one thread. Every call returns, or raises, within a bounded time (about a minute at worst on Kafka).
    """

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        """The next records of the assigned partitions, in offset order within each; empty after the timeout.

        Records not committed are returned again after `CommitFailed`, or by whoever owns the partition next.

        Raises:
            Fenced: another process has taken this instance's identity.
            LogUnavailable: nothing could be reached; poll again.

        """
        ...

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        """Write `messages` and the offsets behind every record of `batch`, all of it or nothing.

        Returns once it is certain: who reads to the end from now on sees it. Batches are committed in the order in which
        they were polled: one that was passed over would be lost behind the next one, so that the next one's commit fails
        and both are returned again.

        Raises:
            CommitFailed: nothing was written, or nobody can say; the worker is back at the committed offsets.
            Fenced: another process has taken this instance's identity.
            ConfigurationError: a message names no topic or partition there is, is over the topic's `max_record_bytes`, or
                has no key in a compacted topic; nothing was written.

        """
        ...

    def close(self) -> None:
        """Stop; what was not committed stays unread. A static member keeps its partitions until its session ends."""
        ...


class Reader(Protocol):
    """Reads given partitions without a group; sees committed records only."""

    def poll(self, *, max_records: int, timeout_ms: int) -> list[Record]:
        """The next records, in offset order within each partition; empty after the timeout."""
        ...

    def at_end(self) -> bool:
        """Whether everything that stood in the partitions when the reader was opened has been returned by `poll`."""
        ...

    def fraction_read(self) -> float:
        """How much of what stood in the partitions when the reader was opened has been read, from 0 to 1."""
        ...

    def close(self) -> None:
        """Release the reader."""
        ...


class Writer(Protocol):
    """Writes from outside any group, a transaction at a time, and remembers in it how far its source has come."""

    def progress(self) -> Progress | None:
        """What the last committed `write` of a writer of this name recorded; None at the first."""
        ...

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """Write all messages and the progress, or nothing.

        Raises:
            CommitFailed: nothing was written, or nobody can say; ask `progress` before going on.
            Fenced: a newer writer of this name exists.
            ConfigurationError: as in `Worker.commit`.

        """
        ...

    def close(self) -> None:
        """Release the writer."""
        ...


class Admin(Protocol):
    """Topics and groups from the operator's side."""

    def describe(self, names: Sequence[str]) -> dict[str, TopicSpec]:
        """The topics of these names that exist."""
        ...

    def create(self, specs: Sequence[TopicSpec]) -> None:
        """Create topics; one that exists already is left as it is. Returns when they can be used."""
        ...

    def backlog(self, group: str, topics: Sequence[str]) -> int:
        """How many records the group has still to commit; exactly 0 if and only if it has committed all of them.

        An upper bound otherwise: on Kafka, transaction markers count until they have been passed.
        """
        ...

    def start_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The first offset of each partition that retention has left; 0 where it has taken nothing yet."""
        ...

    def check_rights(self, *, read: Sequence[str] = (), write: Sequence[str] = ()) -> None:
        """Raise `ConfigurationError` that lists the rights to read and to write these topics which this process lacks, if any.

        Topics that do not exist are passed over. A log that knows no rights has no objection.
        """
        ...

    def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The offset behind the last record of each partition."""
        ...

    def committed_offsets(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The offset from which the group will go on in each partition; without those it has never committed anything of.

        On Kafka those of a commit are here a moment after it has returned.
        """
        ...


class Log(Protocol):
    """A place where topics live. Opened by `newsloom.streaming.open_log`."""

    def admin(self) -> Admin:
        """The operator's side."""
        ...

    def worker(self, *, group: str, instance: str, topics: Sequence[str]) -> Worker:
        """Join `group` as `instance`, a name that stays with its owner over restarts (a pod's name).

        Ends what a predecessor of the same instance left open, and fences it if it still lives.

        Raises:
            ConfigurationError: a topic is missing.
            LogUnavailable: the log cannot be reached.

        """
        ...

    def reader(self, partitions: Sequence[TopicPartition], *, start: Literal["earliest", "latest"]) -> Reader:
        """A reader of these partitions, from the first record or from the present end."""
        ...

    def writer(self, name: str) -> Writer:
        """The writer of that name; fences an older one of the same name."""
        ...

    def close(self) -> None:
        """Close the log and everything opened from it."""
        ...
