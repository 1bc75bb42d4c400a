"""Damage that SQLite does not notice: it checks how its pages hang together, not what is in them.

Each record carries a checksum, and each partition the number of records written and deleted, so that whoever reads can tell
a whole partition from what is left of one. What does not add up is never passed on.
"""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass

import msgspec

from newsloom.streaming.records import TopicPartition


class Damage(Exception):
    """Something in the database cannot be what was written; the message says what. Users see it as `ConfigurationError`."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a partition must hold: the offsets below `end` but for the `deleted` ones, which are its first if it is not
    `compacted`, and any otherwise.
    """

    end: int
    deleted: int
    compacted: bool


def check_absence(sql: sqlite3.Connection, table: str) -> None:
    """See that a row which was not found in `committed`, `members` or `writers` never was there: that none is missing."""
    (must,) = sql.execute("SELECT number FROM counts WHERE name = ?", (table,)).fetchone() or (None,)
    (found,) = sql.execute(f"SELECT COUNT(*) FROM {table}").fetchone()  # noqa: S608 - a name of ours
    if found != must:
        raise Damage(f"the table of {table} must have {must} rows, and has {found}")


def checksum(at: int, timestamp_ms: int, key: bytes | None, headers: bytes | None, value: bytes | None) -> int:
    """CRC-32 of a record and its place."""
    return zlib.crc32(msgspec.msgpack.encode((at, timestamp_ms, key, headers, value)))


@dataclass(slots=True)
class Account:
    """What a reader has got of a partition since `start`, held against what there must have been.

    `deleted` is the partition's number at the opening; `missing` is how many of them lay behind `start`.
    """

    source: TopicPartition
    start: int
    missing: int
    deleted: int
    read: int = 0

    def check(self, position: int, extent: Extent) -> None:
        """At the end of the partition, see that nothing was left out; before it, nobody can say.

        Raises:
            Damage: records are missing, or came twice.

        """
        if position < extent.end:
            return
        most = extent.end - self.start - self.missing
        # What was deleted meanwhile may have been read before that.
        least = most - (extent.deleted - self.deleted)
        if not least <= self.read <= most:
            raise Damage(f"{name(self.source)} must have {most} records, and {self.read} were found")


def name(source: TopicPartition) -> str:
    """A partition in words."""
    return f"topic {source.topic} partition {source.partition}"
