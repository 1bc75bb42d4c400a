"""Retention and compaction: a little of both in every transaction that writes, never a thread.

A compacted partition keeps the last record of each key. A record that has been replaced stays for `COMPACTION_LAG_MS`,
so that a reader on its way through the partition still meets some value of each key. A tombstone stays for
`TOMBSTONE_RETENTION_MS` (Kafka's delete.retention.ms): a reader that began before it was written has that long to
learn that the key is gone. Both are due in the order of writing, so a value is always gone before its tombstone: no
reader can see the value and miss its end.

Space that is freed is used again; the file does not shrink.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby
from typing import Final

from newsloom.streaming.sqlite.damage import Damage
from newsloom.streaming.sqlite.schema import partition_at, place

COMPACTION_LAG_MS: Final = 60_000
TOMBSTONE_RETENTION_MS: Final = 86_400_000

# A message makes at most two records obsolete (the one before it, and itself if it is a tombstone); deleting at that rate
# and a bit keeps up with any traffic, and no transaction pays for more than about what it wrote.
DELETED_PER_WRITTEN: Final = 2
DELETED_ANYWAY: Final = 100

_REPLACED: Final = (
    "INSERT OR IGNORE INTO obsolete (due_ms, place) SELECT ?, place FROM latest WHERE partition = ? AND key = ?"
)
_LATEST: Final = (
    "INSERT INTO latest (partition, key, place) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET place = excluded.place"
)
_OBSOLETE: Final = "INSERT OR IGNORE INTO obsolete (due_ms, place) VALUES (?, ?)"
_DUE: Final = "SELECT due_ms, place FROM obsolete WHERE due_ms <= ? ORDER BY due_ms, place LIMIT ?"
_IN_FORCE: Final = """
    SELECT 1 FROM records JOIN latest USING (key, place) WHERE partition = ? AND place = ? AND value IS NOT NULL
"""
_FORGET_KEY: Final = """
    DELETE FROM latest WHERE partition = ?1 AND key = (SELECT key FROM records WHERE place = ?2) AND place = ?2
"""
_RETAINED: Final = """
    SELECT partitions.id, topics.retention_ms FROM partitions NOT INDEXED JOIN topics ON partitions.topic = topics.name
    WHERE topics.policy = 'delete' AND topics.retention_ms IS NOT NULL
"""
_COUNT_DELETED: Final = "UPDATE partitions SET deleted = deleted + ? WHERE id = ?"
_OLDEST: Final = "SELECT place, timestamp_ms FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"


def note_keyed(sql: sqlite3.Connection, partition: int, key: bytes, at: int, now_ms: int, *, tombstone: bool) -> None:
    """Take note of a record that is about to stand at `at` in a compacted partition."""
    sql.execute(_REPLACED, (now_ms + COMPACTION_LAG_MS, partition, key))
    sql.execute(_LATEST, (partition, key, at))
    if tombstone:
        sql.execute(_OBSOLETE, (now_ms + TOMBSTONE_RETENTION_MS, at))


def clean(sql: sqlite3.Connection, now_ms: int, *, written: int) -> None:
    """Delete what is due, oldest first: of either kind up to twice as many records as were just written, and a few."""
    limit = DELETED_PER_WRITTEN * written + DELETED_ANYWAY
    _compact(sql, now_ms, limit)
    for partition, retention_ms in sql.execute(_RETAINED).fetchall():
        limit -= _expire(sql, partition, now_ms - retention_ms, limit)


def _compact(sql: sqlite3.Connection, now_ms: int, limit: int) -> None:
    due = sql.execute(_DUE, (now_ms, limit)).fetchall()
    for _, at in due:
        if sql.execute(_IN_FORCE, (partition_at(at), at)).fetchone():
            raise Damage("a record that is the last of its key is noted as replaced")
    sql.executemany(_FORGET_KEY, [(partition_at(at), at) for _, at in due])
    for partition, places in groupby(sorted(at for _, at in due), key=partition_at):
        # A replaced tombstone is due twice; it is counted when it goes.
        gone = sql.executemany("DELETE FROM records WHERE place = ?", [(at,) for at in places]).rowcount
        sql.execute(_COUNT_DELETED, (gone, partition))
    sql.executemany("DELETE FROM obsolete WHERE due_ms = ? AND place = ?", due)


def _expire(sql: sqlite3.Connection, partition: int, before_ms: int, limit: int) -> int:
    """Delete from the head of the partition while records are older; how many went.

    A record that is younger than those behind it holds them back, as in Kafka, so that what is left has no holes.
    """
    start, end = place(partition, 0), place(partition + 1, 0)
    oldest = sql.execute(_OLDEST, (start, end, 1)).fetchone()
    if limit <= 0 or oldest is None or oldest[1] >= before_ms:
        return 0
    gone = 0
    for at, timestamp_ms in sql.execute(_OLDEST, (start, end, limit)).fetchall():
        if timestamp_ms >= before_ms:
            break
        end = at
        gone += 1
    sql.execute("DELETE FROM records WHERE place >= ? AND place <= ?", (start, end))
    sql.execute(_COUNT_DELETED, (gone, partition))
    return gone
