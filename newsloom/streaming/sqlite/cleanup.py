"""Retention and compaction, without a thread: each transaction that writes also deletes some of the records that are due.

A compacted partition keeps the last record of each key. A replaced record stays for `COMPACTION_LAG_MS`, so that a reader
in the middle of the partition still finds a value of each key. A tombstone stays for `TOMBSTONE_RETENTION_MS` (Kafka's
delete.retention.ms): a reader that began before the tombstone was written has that long to read it. Records are due in the
order of writing, also after a clock was set back, because their times follow the log's time, which never goes back. So a value is
always deleted before its tombstone: no reader can see the value and miss the tombstone.

Retention keeps what a consumer group has still to read, so that neither a long pause nor a clock that was ahead for a moment
deletes unprocessed records. Only the last `UNREAD_MAX` records of a partition are kept for this reason: a group that never
returns must not fill the disk.

SQLite reuses freed space; the file does not shrink.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby
from typing import Final

import structlog

from newsloom.streaming.sqlite.corruption import Corruption
from newsloom.streaming.sqlite.schema import offset_of_row, partition_of_row, row_id

COMPACTION_LAG_MS: Final = 60_000
TOMBSTONE_RETENTION_MS: Final = 86_400_000

# A message makes at most two records obsolete: the one it replaces, and itself if it is a tombstone. Deleting at this rate
# and a few more keeps up with any traffic, and bounds what one transaction deletes.
DELETED_PER_WRITTEN: Final = 2
DELETED_EXTRA: Final = 100
UNREAD_MAX: Final = 1_000_000
"""Records of a partition that are kept beyond their retention because a group has not read them."""

_log = structlog.get_logger("newsloom.sqlite")

_REPLACED: Final = (
    "INSERT OR IGNORE INTO obsolete (due_ms, place) SELECT ?, place FROM latest WHERE partition = ? AND key = ?"
)
_LATEST: Final = (
    "INSERT INTO latest (partition, key, place) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET place = excluded.place"
)
_OBSOLETE: Final = "INSERT OR IGNORE INTO obsolete (due_ms, place) VALUES (?, ?)"
_BRING_FORWARD: Final = (
    "INSERT OR IGNORE INTO obsolete (due_ms, place) SELECT ?1, place FROM obsolete WHERE due_ms > ?1"
)
_DELETE_LATER: Final = "DELETE FROM obsolete WHERE due_ms > ?"
_DUE: Final = "SELECT due_ms, place FROM obsolete WHERE due_ms <= ? ORDER BY due_ms, place LIMIT ?"
_LATEST_VALUE: Final = """
    SELECT 1 FROM records JOIN latest USING (key, place) WHERE partition = ? AND place = ? AND value IS NOT NULL
"""
_FORGET_KEY: Final = """
    DELETE FROM latest WHERE partition = ?1 AND key = (SELECT key FROM records WHERE place = ?2) AND place = ?2
"""
_RETAINED: Final = """
    SELECT partitions.id, topics.retention_ms FROM partitions NOT INDEXED JOIN topics ON partitions.topic = topics.name
    WHERE topics.policy = 'delete' AND topics.retention_ms IS NOT NULL
"""
# A group that has joined and never committed will begin at the first record.
_UNREAD_FROM: Final = """
    SELECT MIN(IIF(owners.consumer_group IS NULL, NULL, COALESCE(next_offset, 0))), written FROM partitions NOT INDEXED
    LEFT JOIN owners ON owners.partition = partitions.id LEFT JOIN committed USING (consumer_group, partition)
    WHERE partitions.id = ?
"""
_COUNT_DELETED: Final = "UPDATE partitions SET deleted = deleted + ? WHERE id = ?"
_OLDEST: Final = "SELECT place, timestamp_ms FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"


def track_key(sql: sqlite3.Connection, partition: int, key: bytes, id_: int, log_ms: int, *, tombstone: bool) -> None:
    """Note, at the log's time, that the next record, with row id `id_`, is the latest of its key in a compacted partition."""
    sql.execute(_REPLACED, (log_ms + COMPACTION_LAG_MS, partition, key))
    sql.execute(_LATEST, (partition, key, id_))
    if tombstone:
        sql.execute(_OBSOLETE, (log_ms + TOMBSTONE_RETENTION_MS, id_))


def bring_forward(sql: sqlite3.Connection, now_ms: int) -> None:
    """Let what is due later than any record written now be due then: the log's time was set back."""
    latest_ms = now_ms + TOMBSTONE_RETENTION_MS
    sql.execute(_BRING_FORWARD, (latest_ms,))
    sql.execute(_DELETE_LATER, (latest_ms,))


def clean_up(sql: sqlite3.Connection, now_ms: int, *, written: int) -> None:
    """Delete due records, oldest first: `DELETED_PER_WRITTEN` for each record just written, and `DELETED_EXTRA`."""
    limit = DELETED_PER_WRITTEN * written + DELETED_EXTRA
    _compact(sql, now_ms, limit)
    for partition, retention_ms in sql.execute(_RETAINED).fetchall():
        limit -= _expire(sql, partition, now_ms - retention_ms, limit)


def _compact(sql: sqlite3.Connection, now_ms: int, limit: int) -> None:
    due = sql.execute(_DUE, (now_ms, limit)).fetchall()
    for _, id_ in due:
        if sql.execute(_LATEST_VALUE, (partition_of_row(id_), id_)).fetchone():
            raise Corruption("a record that is the last of its key is noted as replaced")
    sql.executemany(_FORGET_KEY, [(partition_of_row(id_), id_) for _, id_ in due])
    for partition, ids in groupby(sorted(id_ for _, id_ in due), key=partition_of_row):
        # A replaced tombstone is due twice; count it when it is deleted.
        deleted = sql.executemany("DELETE FROM records WHERE place = ?", [(id_,) for id_ in ids]).rowcount
        sql.execute(_COUNT_DELETED, (deleted, partition))
    sql.executemany("DELETE FROM obsolete WHERE due_ms = ? AND place = ?", due)


def _expire(sql: sqlite3.Connection, partition: int, before_ms: int, limit: int) -> int:
    """Delete the first records of the partition until one is not older than `before_ms`; return how many were deleted.

    A younger record keeps the older ones after it, as in Kafka, so that the remaining offsets have no gaps. So does one that a
    consumer group has still to read.
    """
    start, end = row_id(partition, 0), row_id(partition + 1, 0)
    oldest = sql.execute(_OLDEST, (start, end, 1)).fetchone()
    if limit <= 0 or oldest is None or oldest[1] >= before_ms:
        return 0
    unread, written = sql.execute(_UNREAD_FROM, (partition,)).fetchone()
    kept_from = end if unread is None else row_id(partition, max(unread, written - UNREAD_MAX))
    deleted = 0
    for id_, timestamp_ms in sql.execute(_OLDEST, (start, kept_from, limit)).fetchall():
        if timestamp_ms >= before_ms:
            break
        end = id_
        deleted += 1
    if deleted:
        sql.execute("DELETE FROM records WHERE place >= ? AND place <= ?", (start, end))
        sql.execute(_COUNT_DELETED, (deleted, partition))
        if unread is not None:
            _warn_of_unread(sql, partition, unread, range(offset_of_row(oldest[0]), offset_of_row(end) + 1))
    return deleted


def _warn_of_unread(sql: sqlite3.Connection, partition: int, unread: int, deleted: range) -> None:
    """Log that records were deleted which a group has not read: at the first one, then at every `UNREAD_MAX // 100`th."""
    every = UNREAD_MAX // 100 or 1
    if unread in deleted or (unread < deleted.start and any(offset % every == 0 for offset in deleted)):
        topic, number = sql.execute(
            "SELECT topic, number FROM partitions NOT INDEXED WHERE id = ?", (partition,)
        ).fetchone()
        _log.warning("retention.unread-deleted", topic=topic, partition=number, unread_from=unread, next=deleted.stop)
