"""Reading records in offset order."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

import msgspec

from newsloom.streaming.records import Headers, Record, TopicPartition
from newsloom.streaming.sqlite.damage import Damage, Extent, checksum, name
from newsloom.streaming.sqlite.schema import offset_at, partition_at, place

_SELECT: Final = """
    SELECT place, timestamp_ms, key, headers, value, checksum FROM records
    WHERE place >= ? AND place < ? ORDER BY place LIMIT ?
"""
_NEXT: Final = "SELECT place FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT 1"
_EXTENT: Final = """
    SELECT written, deleted, policy = 'compact' FROM partitions JOIN topics ON topics.name = partitions.topic WHERE id = ?
"""
_HEADERS: Final = msgspec.msgpack.Decoder(Headers)

Row = tuple[int, int, bytes | None, bytes | None, bytes | None, int | None]


def fetch(
    sql: sqlite3.Connection,
    sources: Mapping[int, TopicPartition],
    positions: Mapping[int, int],
    max_records: int,
    *,
    turn: int,
) -> tuple[list[Record], dict[int, int]]:
    """The next records of these partitions (by id) and the positions behind them.

    Every partition gets an equal share of `max_records`; what one does not use goes to the others. `turn` says which
    one is first, for when there are more partitions than records asked for.

    Raises:
        Damage: a record is not what was written, or one is missing.

    """
    ids = list(sources)
    start = turn % len(ids) if ids else 0
    hungry = ids[start:] + ids[:start]
    positions = dict(positions)
    records: list[Record] = []
    while hungry and len(records) < max_records:
        filled = []
        for index, id_ in enumerate(hungry):
            share = -(-(max_records - len(records)) // (len(hungry) - index))
            got = _read(sql, id_, sources[id_], positions[id_], share)
            if got:
                positions[id_] = got[-1].offset + 1
                records += got
            if len(got) == share:
                filled.append(id_)
        hungry = filled
    return records, positions


def next_offset(sql: sqlite3.Connection, partition: int, position: int) -> int | None:
    """The offset of the first record from `position` on, if there is one."""
    row = sql.execute(_NEXT, (place(partition, position), place(partition + 1, 0))).fetchone()
    return None if row is None else offset_at(row[0])


def extent(sql: sqlite3.Connection, partition: int) -> Extent:
    """What the partition holds; raises Damage if there is no such partition any more."""
    row = sql.execute(_EXTENT, (partition,)).fetchone()
    if row is None:
        raise Damage(f"a partition (number {partition} of all topics) is missing")
    end, deleted, compacted = msgspec.convert(row, tuple[int, int, int])
    return Extent(end, deleted, compacted=bool(compacted))


def _read(sql: sqlite3.Connection, id_: int, source: TopicPartition, position: int, limit: int) -> list[Record]:
    if limit <= 0:
        return []
    rows: list[Row] = sql.execute(_SELECT, (place(id_, position), place(id_ + 1, 0), limit)).fetchall()
    held = extent(sql, id_)
    first = position if held.compacted else max(position, held.deleted)
    _check_places([offset_at(row[0]) if partition_at(row[0]) == id_ else -1 for row in rows], first, held, source)
    end = rows[-1][0] + 1 if rows else place(id_, first)
    if not held.compacted and len(rows) < limit and end != place(id_, held.end):
        raise Damage(f"{name(source)} must go to offset {held.end}, and ends at {offset_at(end)}")
    return [_record(row, source) for row in rows]


def _check_places(offsets: list[int], expected: int, held: Extent, source: TopicPartition) -> None:
    """See that the offsets are those that must stand there, from the `expected` one on.

    Of a compacted partition any may be gone: `Account` counts them.
    """
    for offset in offsets:
        if not expected <= offset < held.end or (offset > expected and not held.compacted):
            raise Damage(f"{name(source)} has another record where offset {expected} must be")
        expected = offset + 1


def _record(row: Row, source: TopicPartition) -> Record:
    at, timestamp_ms, key, headers, value, written = row
    # None: written by a version that knew no checksums.
    if written is not None and written != checksum(at, timestamp_ms, key, headers, value):
        raise Damage(f"{name(source)} offset {offset_at(at)} is not what was written")
    return Record(
        topic=source.topic,
        partition=source.partition,
        offset=offset_at(at),
        timestamp_ms=timestamp_ms,
        key=key,
        value=value,
        headers=() if headers is None else _HEADERS.decode(headers),
    )
