"""What stands in a partition: entries of transactions, and how far they are settled."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from newsloom.streaming.log import Progress
from newsloom.streaming.records import Record, TopicPartition


class State(Enum):
    """What has become of a transaction."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False, slots=True)
class Transaction:
    """What is written together. `offsets` are by group and partition, `places` those that it has written to."""

    producer: str
    began_ms: int
    state: State = State.OPEN
    records: list[Record] = field(default_factory=list)
    offsets: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    progress: Progress | None = None


@dataclass(slots=True)
class Entry:
    """A record, or the marker of a transaction's end."""

    offset: int
    record: Record | None
    transaction: Transaction


@dataclass(slots=True)
class Partition:
    """Entries by ascending offset; compaction leaves holes."""

    entries: list[Entry] = field(default_factory=list)
    end: int = 0
    """The high watermark: the offset behind the last entry, committed or not."""
    opened: dict[Transaction, int] = field(default_factory=dict)
    """Where each transaction begins that is still open."""
    readers: int = 0
    """How many readers are on their way through it."""

    def add(self, record: Record | None, transaction: Transaction) -> None:
        """Add a record, or the marker of its transaction's end."""
        if record is None:
            del self.opened[transaction]
        else:
            self.opened.setdefault(transaction, self.end)
        self.entries.append(Entry(self.end, record, transaction))
        self.end += 1

    def stable_end(self) -> int:
        """The last stable offset: where the first transaction begins that is still open."""
        return min(self.opened.values(), default=self.end)

    def committed(self, start: int, end: int) -> Iterator[Record]:
        """The records of committed transactions, from an offset up to, and without, another."""
        for place in range(bisect_left(self.entries, start, key=lambda entry: entry.offset), len(self.entries)):
            entry = self.entries[place]
            if entry.offset >= end:
                return
            if entry.record is not None and entry.transaction.state is State.COMMITTED:
                yield entry.record
