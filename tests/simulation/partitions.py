"""Partitions: entries, and the transactions that they belong to."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from newsloom.streaming.log import Progress
from newsloom.streaming.records import Record, TopicPartition


class TransactionState(Enum):
    """The state of a transaction."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False, slots=True)
class Transaction:
    """Records and offsets that are written together. `offsets` are by group and partition."""

    producer: str
    began_ms: int
    state: TransactionState = TransactionState.OPEN
    records: list[Record] = field(default_factory=list)
    offsets: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    progress: Progress | None = None


@dataclass(slots=True)
class Entry:
    """A record, or the marker of a transaction's end (`record` is None)."""

    offset: int
    record: Record | None
    transaction: Transaction


@dataclass(slots=True)
class Partition:
    """Entries by ascending offset; compaction leaves gaps."""

    entries: list[Entry] = field(default_factory=list)
    end: int = 0
    """The high watermark: the offset after the last entry, committed or not."""
    opened: dict[Transaction, int] = field(default_factory=dict)
    """The first offset of each open transaction."""
    readers: int = 0
    """Number of open readers."""

    def add(self, record: Record | None, transaction: Transaction) -> None:
        """Append a record or, if it is None, the marker of the transaction's end."""
        if record is None:
            del self.opened[transaction]
        else:
            self.opened.setdefault(transaction, self.end)
        self.entries.append(Entry(self.end, record, transaction))
        self.end += 1

    def stable_end(self) -> int:
        """Return the last stable offset: the first offset of the oldest open transaction."""
        return min(self.opened.values(), default=self.end)

    def committed(self, start: int, end: int) -> Iterator[Record]:
        """Yield the records of committed transactions from `start` up to, but not including, `end`."""
        for index in range(bisect_left(self.entries, start, key=lambda entry: entry.offset), len(self.entries)):
            entry = self.entries[index]
            if entry.offset >= end:
                return
            if entry.record is not None and entry.transaction.state is TransactionState.COMMITTED:
                yield entry.record
