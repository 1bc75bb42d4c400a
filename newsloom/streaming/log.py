"""The log port: the operations that the services need of any log with topics, consumer groups and transactions.

It has two implementations, `newsloom.streaming.sqlite` (SQLite) and `newsloom.streaming.kafka` (Apache Kafka), which pass one
conformance suite (tests/conformance). Topic names in this module are full names, with the prefix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol, TypeAlias

from newsloom.streaming.records import Batch, Message, Record, TopicPartition


class CleanupPolicy(Enum):
    """Which records of a topic are deleted: old ones (`delete`), or all but the latest of each key (`compact`)."""

    DELETE = "delete"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """The settings of a topic. `retention_ms` applies to `delete` topics only; None keeps all records."""

    name: str
    partitions: int
    policy: CleanupPolicy
    retention_ms: int | None = None
    max_record_bytes: int = 1_048_576
    config: Mapping[str, str] = field(default_factory=dict)
    """More settings of the topic, for the logs that have them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of its input a writer has written: a count, and a note by which the writer recognises the input."""

    position: int
    note: str = ""


Start: TypeAlias = Literal["earliest", "latest"] | Mapping[TopicPartition, int]
"""Where a reader starts: at the first record, at the current end, or at an offset of each partition."""


class Worker(Protocol):
    """A member of a consumer group that writes its results and commits its input offsets in one transaction.

    For use by one thread. Every call returns or raises within a bounded time: on Kafka, about a minute at most.
    """

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        """Return the next records of the assigned partitions, in offset order within each; none after the timeout.

        Records that were not committed are returned again after `CommitFailed`, or to the next owner of their partition.

        Raises:
            Fenced: another process has joined under this instance name.
            LogUnavailable: the log cannot be reached; poll again.

        """
        ...

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        """Write `messages` and commit the offsets after the records of `batch`, in one transaction.

        When this returns, readers see the messages. Commit batches in the order of their polls: the commit of a batch fails
        if the one before was not committed, and both are returned again.

        Raises:
            CommitFailed: nothing was written, or the outcome is unknown; the worker continues from the committed offsets.
            Fenced: another process has joined under this instance name.
            ConfigurationError: a message names a missing topic or partition, is larger than the topic's `max_record_bytes`,
                or has no key in a compacted topic. Nothing was written.

        """
        ...

    def close(self) -> None:
        """Stop. Records that were not committed remain unread.

        If there are other members, they get the partitions at once. Without a call, as after a crash, they get them when the
        session expires, and the next process of this instance gets the same ones until then.
        """
        ...


class Reader(Protocol):
    """Reads given partitions without a consumer group; returns committed records only."""

    def poll(self, *, max_records: int, timeout_ms: int) -> list[Record]:
        """Return the next records, in offset order within each partition; none after the timeout."""
        ...

    def at_end(self) -> bool:
        """Return whether `poll` has returned all records that the partitions had when the reader was opened."""
        ...

    def fraction_read(self) -> float:
        """Return the fraction (0 to 1) read of what the partitions had when the reader was opened."""
        ...

    def close(self) -> None:
        """Close the reader."""
        ...


class Writer(Protocol):
    """Writes without a consumer group; each transaction also stores the progress in the writer's input."""

    def progress(self) -> Progress | None:
        """Return the progress of the last committed `write` under this name, or None if there was none."""
        ...

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """Write all messages and the progress in one transaction.

        Raises:
            CommitFailed: nothing was written, or the outcome is unknown; read `progress` before the next write.
            Fenced: a newer writer of this name exists.
            ConfigurationError: as in `Worker.commit`.

        """
        ...

    def discard(self) -> None:
        """Delete the progress: nobody will write under this name again.

        Raises:
            LogError: the progress remains, on Kafka until the broker's `offsets.retention.minutes`.

        """
        ...

    def close(self) -> None:
        """Close the writer."""
        ...


class Admin(Protocol):
    """Administers topics and consumer groups."""

    def describe(self, names: Sequence[str]) -> dict[str, TopicSpec]:
        """Return those of these topics that exist, by name."""
        ...

    def create(self, specs: Sequence[TopicSpec]) -> None:
        """Create those of these topics that do not exist; return when they can be used."""
        ...

    def backlog(self, group: str, topics: Sequence[str]) -> int:
        """Return how many records the group has not committed: 0 if and only if it has committed all of them.

        Otherwise an upper bound: on Kafka it includes transaction markers.
        """
        ...

    def start_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return the first offset of each partition that retention has not deleted."""
        ...

    def check_rights(self, *, read: Sequence[str] = (), write: Sequence[str] = ()) -> None:
        """Raise `ConfigurationError` if this process lacks rights to read or write these topics; the message lists them.

        Topics that do not exist are ignored. A log without access control never raises.
        """
        ...

    def confirm_clock(self) -> int | None:
        """Accept the clock of this machine for the next writes, and return its time in Unix milliseconds.

        Needed after `ClockRefused` if the clock is right, and after writes with a clock that was ahead. None if the log has a
        clock of its own: then there is nothing to confirm.
        """
        ...

    def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return the offset after the last record of each partition."""
        ...

    def committed_offsets(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return the committed offset of the group in each partition that has one.

        On Kafka the offsets of a commit appear here shortly after it has returned.
        """
        ...


class Log(Protocol):
    """A log with topics, opened by `newsloom.streaming.open`."""

    def admin(self) -> Admin:
        """Return the administration of this log."""
        ...

    def worker(self, *, group: str, instance: str, topics: Sequence[str]) -> Worker:
        """Join `group` as `instance`, a name that the process keeps over restarts (the name of a pod).

        Topics with the same number of partitions are assigned together: the member that gets a partition of one gets the
        partition of that number of each. Topics that only some members read are assigned by themselves.

        Abort the open transaction of an older process with the same instance name, and fence that process if it still runs.

        Raises:
            ConfigurationError: a topic is missing.
            LogUnavailable: the log cannot be reached.

        """
        ...

    def reader(self, partitions: Sequence[TopicPartition], *, start: Start) -> Reader:
        """Open a reader of these partitions.

        With offsets, it starts at the first record at or after the offset of its partition that the log still has.

        Raises:
            ConfigurationError: a partition is missing, or an offset is behind its end.

        """
        ...

    def writer(self, name: str, *, progress_topic: str = "") -> Writer:
        """Open the writer of that name, and fence an older one of the same name.

        A program that writes progress before its first message names a topic that it writes and may read: Kafka keeps progress
        with a topic, by default that of the first message.
        """
        ...

    def close(self) -> None:
        """Close the log and all workers, readers and writers opened from it."""
        ...
