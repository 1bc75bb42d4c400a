"""Reading records in offset order."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

import msgspec

from newsloom.streaming.embedded.schema import offset_at, place
from newsloom.streaming.records import Headers, Record, TopicPartition

_SELECT: Final = (
    "SELECT place, timestamp_ms, key, headers, value FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"
)
_NEXT: Final = "SELECT place FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT 1"
_HEADERS: Final = msgspec.msgpack.Decoder(Headers)


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


def end_offset(sql: sqlite3.Connection, partition: int) -> int:
    """The offset behind the last record."""
    end: int = sql.execute("SELECT end_offset FROM partitions WHERE id = ?", (partition,)).fetchone()[0]
    return end


def _read(sql: sqlite3.Connection, id_: int, source: TopicPartition, position: int, limit: int) -> list[Record]:
    if limit <= 0:
        return []
    rows = sql.execute(_SELECT, (place(id_, position), place(id_ + 1, 0), limit))
    return [
        Record(
            topic=source.topic,
            partition=source.partition,
            offset=offset_at(at),
            timestamp_ms=timestamp_ms,
            key=key,
            value=value,
            headers=() if headers is None else _HEADERS.decode(headers),
        )
        for at, timestamp_ms, key, headers, value in rows
    ]
