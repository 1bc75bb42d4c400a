"""Detect corruption that SQLite does not notice: it checks the structure of its pages, not their contents.

Each record has a checksum, and each partition counts the records written and deleted, so that a reader can tell a complete
partition from an incomplete one. Nothing that fails a check is returned to a caller.
"""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass

import msgspec

from newsloom.streaming.records import TopicPartition


class Corruption(Exception):
    """The database does not hold what was written; the message says where. Users get a `ConfigurationError` instead."""


@dataclass(frozen=True, slots=True)
class PartitionCounts:
    """How many records of a partition were ever written (`end`, the next offset) and how many of them are `deleted`.

    The deleted ones are the first ones, or any of them if the partition is `compacted`.
    """

    end: int
    deleted: int
    compacted: bool


def check_row_count(sql: sqlite3.Connection, table: str) -> None:
    """Raise `Corruption` if `committed`, `members` or `writers` has lost a row: then a missing row may have been one."""
    (expected,) = sql.execute("SELECT number FROM counts WHERE name = ?", (table,)).fetchone() or (None,)
    (found,) = sql.execute(f"SELECT COUNT(*) FROM {table}").fetchone()  # noqa: S608 - not from outside
    if found != expected:
        raise Corruption(f"the table of {table} must have {expected} rows, and has {found}")


def checksum(row_id: int, timestamp_ms: int, key: bytes | None, headers: bytes | None, value: bytes | None) -> int:
    """Return the CRC-32 of a record and its row id."""
    return zlib.crc32(msgspec.msgpack.encode((row_id, timestamp_ms, key, headers, value)))


@dataclass(slots=True)
class CompletenessCheck:
    """Compares the number of records that a reader got from a partition since offset `start` with the partition's counts.

    `deleted` is the partition's count when the reader was opened, `missing` how many of these were at or after `start`.
    """

    partition: TopicPartition
    start: int
    missing: int
    deleted: int
    read: int = 0

    def check(self, position: int, counts: PartitionCounts) -> None:
        """Check the number of records if `position` is the end of the partition; before the end it cannot be checked.

        Raises:
            Corruption: records are missing, or were read twice.

        """
        if position < counts.end:
            return
        most = counts.end - self.start - self.missing
        # Records deleted since the opening may or may not have been read before.
        least = most - (counts.deleted - self.deleted)
        if not least <= self.read <= most:
            raise Corruption(f"{describe(self.partition)} must have {most} records, and {self.read} were found")


def describe(partition: TopicPartition) -> str:
    """Return the name of a partition for a message."""
    return f"topic {partition.topic} partition {partition.partition}"
