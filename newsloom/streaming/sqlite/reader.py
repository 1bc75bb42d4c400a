"""Read the SQLite log without a consumer group."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Sequence

from newsloom.streaming.log import Start
from newsloom.streaming.reader_start import check_offsets
from newsloom.streaming.records import Record, TopicPartition
from newsloom.streaming.sqlite.connection import Connection
from newsloom.streaming.sqlite.corruption import CompletenessCheck, PartitionCounts
from newsloom.streaming.sqlite.fetch import count_records, fetch, next_offset, partition_counts
from newsloom.streaming.sqlite.topics import TopicCache


class SqliteReader:
    """`Reader` on SQLite."""

    def __init__(self, connection: Connection, partitions: Sequence[TopicPartition], *, start: Start) -> None:
        self._connection = connection
        with connection.read() as sql:
            self._partitions = _partitions_by_id(sql, partitions)
            counts = {id_: partition_counts(sql, id_) for id_ in self._partitions}
            self._ends = {id_: count.end for id_, count in counts.items()}
            begins = self._begins(start)
            self._starts = self._ends if start == "latest" else self._skip_gaps(sql, begins)
            self._positions = dict(self._starts)
            self._checks = {
                id_: CompletenessCheck(
                    partition, begins[id_], _deleted_after(sql, id_, begins[id_], count), count.deleted
                )
                for (id_, partition), count in zip(self._partitions.items(), counts.values(), strict=True)
            }
            self._check(sql, [])
        self._first = 0

    def poll(self, *, max_records: int, timeout_ms: int) -> list[Record]:
        """See `Reader.poll`."""
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            version = self._connection.version()
            with self._connection.read() as sql:
                records, positions = fetch(sql, self._partitions, self._positions, max_records, first=self._first)
                self._positions = self._skip_gaps(sql, positions)
                self._check(sql, records)
            self._first += bool(records)
            if records or not self._connection.wait(version, deadline):
                return records

    def at_end(self) -> bool:
        """See `Reader.at_end`."""
        return all(self._positions[id_] >= end for id_, end in self._ends.items())

    def fraction_read(self) -> float:
        """See `Reader.fraction_read`. Counts offsets, those of deleted records included."""
        total = sum(end - self._starts[id_] for id_, end in self._ends.items())
        read = sum(min(self._positions[id_], end) - self._starts[id_] for id_, end in self._ends.items())
        return read / total if total else 1.0

    def close(self) -> None:
        """See `Reader.close`."""
        self._connection.close()

    def _begins(self, start: Start) -> dict[int, int]:
        """Return the offset from which each partition is read, deleted records included."""
        if start == "latest":
            return dict(self._ends)
        if start == "earliest":
            return dict.fromkeys(self._partitions, 0)
        check_offsets(start, {partition: self._ends[id_] for id_, partition in self._partitions.items()})
        return {id_: start[partition] for id_, partition in self._partitions.items()}

    def _check(self, sql: sqlite3.Connection, records: Sequence[Record]) -> None:
        """Check that no record was left out of a partition that has been read to its end; raise `Corruption`."""
        got = Counter(record.topic_partition for record in records)
        for id_, check in self._checks.items():
            check.read += got[check.partition]
            check.check(self._positions[id_], partition_counts(sql, id_))

    def _skip_gaps(self, sql: sqlite3.Connection, positions: dict[int, int]) -> dict[int, int]:
        """Advance each position to the next record that is not deleted, or to the end at the time of the opening."""
        result = {}
        for id_, position in positions.items():
            found = next_offset(sql, id_, position)
            result[id_] = max(position, self._ends[id_]) if found is None else found
        return result


def _deleted_after(sql: sqlite3.Connection, id_: int, offset: int, counts: PartitionCounts) -> int:
    """Return how many records at or after `offset` are deleted."""
    if offset == 0:
        return counts.deleted
    return (
        counts.end - offset - count_records(sql, id_, offset) if counts.compacted else max(0, counts.deleted - offset)
    )


def _partitions_by_id(sql: sqlite3.Connection, partitions: Sequence[TopicPartition]) -> dict[int, TopicPartition]:
    topics = TopicCache()
    result = {}
    for partition in sorted(set(partitions)):
        result[topics.topic(sql, partition.topic).partition_id(partition.partition)] = partition
    return result
