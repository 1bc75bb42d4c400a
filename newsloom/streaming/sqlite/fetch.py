"""Read records in offset order."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

import msgspec

from newsloom.streaming.records import Headers, Record, TopicPartition
from newsloom.streaming.sqlite.corruption import Corruption, PartitionCounts, checksum, describe
from newsloom.streaming.sqlite.schema import offset_of_row, partition_of_row, row_id

_SELECT: Final = """
    SELECT place, timestamp_ms, key, headers, value, checksum FROM records
    WHERE place >= ? AND place < ? ORDER BY place LIMIT ?
"""
_NEXT: Final = "SELECT place FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT 1"
_NUMBER: Final = "SELECT COUNT(*) FROM records WHERE place >= ? AND place < ?"
_COUNTS: Final = """
    SELECT written, deleted, policy = 'compact' FROM partitions JOIN topics ON topics.name = partitions.topic WHERE id = ?
"""
_HEADERS: Final = msgspec.msgpack.Decoder(Headers)

Row = tuple[int, int, bytes | None, bytes | None, bytes | None, int | None]


def fetch(
    sql: sqlite3.Connection,
    partitions: Mapping[int, TopicPartition],
    positions: Mapping[int, int],
    max_records: int,
    *,
    first: int,
) -> tuple[list[Record], dict[int, int]]:
    """Return the next records of these partitions (by row id) and the offsets after them.

    The partitions share `max_records` equally; the others get what one does not use. Begin with the partition at index
    `first`, modulo their number, so that each is read even if there are more partitions than `max_records`.

    Raises:
        Corruption: a record is not what was written, or one is missing.

    """
    ids = list(partitions)
    start = first % len(ids) if ids else 0
    unread = ids[start:] + ids[:start]
    positions = dict(positions)
    records: list[Record] = []
    while unread and len(records) < max_records:
        not_exhausted = []
        for index, id_ in enumerate(unread):
            share = -(-(max_records - len(records)) // (len(unread) - index))
            got = _read(sql, id_, partitions[id_], positions[id_], share)
            if got:
                positions[id_] = got[-1].offset + 1
                records += got
            if len(got) == share:
                not_exhausted.append(id_)
        unread = not_exhausted
    return records, positions


def next_offset(sql: sqlite3.Connection, partition: int, position: int) -> int | None:
    """Return the offset of the first record at or after `position`, or None."""
    row = sql.execute(_NEXT, (row_id(partition, position), row_id(partition + 1, 0))).fetchone()
    return None if row is None else offset_of_row(row[0])


def count_records(sql: sqlite3.Connection, partition: int, offset: int) -> int:
    """Return how many records a partition has at or after `offset`."""
    (number,) = sql.execute(_NUMBER, (row_id(partition, offset), row_id(partition + 1, 0))).fetchone()
    return int(number)


def partition_counts(sql: sqlite3.Connection, partition: int) -> PartitionCounts:
    """Return the counts of a partition; raise `Corruption` if its row is missing."""
    row = sql.execute(_COUNTS, (partition,)).fetchone()
    if row is None:
        raise Corruption(f"a partition (number {partition} of all topics) is missing")
    end, deleted, compacted = msgspec.convert(row, tuple[int, int, int])
    return PartitionCounts(end, deleted, compacted=bool(compacted))


def _read(sql: sqlite3.Connection, id_: int, partition: TopicPartition, position: int, limit: int) -> list[Record]:
    if limit <= 0:
        return []
    rows: list[Row] = sql.execute(_SELECT, (row_id(id_, position), row_id(id_ + 1, 0), limit)).fetchall()
    counts = partition_counts(sql, id_)
    first = position if counts.compacted else max(position, counts.deleted)
    offsets = [offset_of_row(row[0]) if partition_of_row(row[0]) == id_ else -1 for row in rows]
    _check_offsets(offsets, first, counts, partition)
    end = rows[-1][0] + 1 if rows else row_id(id_, first)
    if not counts.compacted and len(rows) < limit and end != row_id(id_, counts.end):
        raise Corruption(f"{describe(partition)} must go to offset {counts.end}, and ends at {offset_of_row(end)}")
    return [_record(row, partition) for row in rows]


def _check_offsets(offsets: list[int], expected: int, counts: PartitionCounts, partition: TopicPartition) -> None:
    """Check that the offsets follow one another from `expected` on; in a compacted partition they may have gaps.

    `CompletenessCheck` counts the records of a compacted partition.

    Raises:
        Corruption: an offset is missing, or is not of this partition.

    """
    for offset in offsets:
        if not expected <= offset < counts.end or (offset > expected and not counts.compacted):
            raise Corruption(f"{describe(partition)} has another record where offset {expected} must be")
        expected = offset + 1


def _record(row: Row, partition: TopicPartition) -> Record:
    id_, timestamp_ms, key, headers, value, expected = row
    # None: written by the first version, which had no checksums.
    if expected is not None and expected != checksum(id_, timestamp_ms, key, headers, value):
        raise Corruption(f"{describe(partition)} offset {offset_of_row(id_)} is not what was written")
    return Record(
        topic=partition.topic,
        partition=partition.partition,
        offset=offset_of_row(id_),
        timestamp_ms=timestamp_ms,
        key=key,
        value=value,
        headers=() if headers is None else _HEADERS.decode(headers),
    )
