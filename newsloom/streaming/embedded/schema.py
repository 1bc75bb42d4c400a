"""The tables, and how a file becomes ours."""

from __future__ import annotations

import sqlite3
from typing import Final

from newsloom.streaming.errors import ConfigurationError

APPLICATION_ID: Final = 0x6E657773
VERSION: Final = 1

# A record's place is its partition's id and its offset in one integer: the table is then one B-tree in log order, rows of
# several kilobytes stay out of any index, and a partition is a range of it.
OFFSET_BITS: Final = 40

_TABLES: Final = (
    """
    CREATE TABLE topics (
        name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, policy TEXT NOT NULL, retention_ms INTEGER,
        max_record_bytes INTEGER NOT NULL, config BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE partitions (
        id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL, end_offset INTEGER NOT NULL DEFAULT 0,
        UNIQUE (topic, number)
    )
    """,
    "CREATE TABLE records (place INTEGER PRIMARY KEY, timestamp_ms INTEGER NOT NULL, key BLOB, headers BLOB, value BLOB)",
    # Compacted topics: where the last record of each key stands, and which records may go from when on.
    """
    CREATE TABLE latest (
        partition INTEGER NOT NULL, key BLOB NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (partition, key)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE obsolete (due_ms INTEGER, place INTEGER, PRIMARY KEY (due_ms, place)) WITHOUT ROWID",
    # A member that was evicted keeps its row, so that its incarnations go on counting.
    """
    CREATE TABLE members (
        consumer_group TEXT NOT NULL, instance TEXT NOT NULL, incarnation INTEGER NOT NULL, topics BLOB NOT NULL,
        expires_ms INTEGER NOT NULL, active INTEGER NOT NULL, PRIMARY KEY (consumer_group, instance)
    ) WITHOUT ROWID
    """,
    # `epoch` counts the changes of owner: a partition that went away and came back is told from one that stayed.
    """
    CREATE TABLE owners (
        consumer_group TEXT NOT NULL, partition INTEGER NOT NULL, instance TEXT, epoch INTEGER NOT NULL,
        PRIMARY KEY (consumer_group, partition)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE committed (
        consumer_group TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
        PRIMARY KEY (consumer_group, partition)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE writers (
        name TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, position INTEGER, note TEXT
    ) WITHOUT ROWID
    """,
)


def place(partition: int, offset: int) -> int:
    """Where the record with this offset stands; with the offset 0 of the next partition, the end of this one."""
    return (partition << OFFSET_BITS) | offset


def partition_at(place: int) -> int:
    """The id of the partition that `place` is in."""
    return place >> OFFSET_BITS


def offset_at(place: int) -> int:
    """The offset of the record at `place`."""
    return place & ((1 << OFFSET_BITS) - 1)


def prepare(sql: sqlite3.Connection, where: str) -> None:
    """Create the tables in an empty database; call it inside a write transaction.

    Raises:
        ConfigurationError: the database is another program's, or another version's; the message names `where`.

    """
    application = sql.execute("PRAGMA application_id").fetchone()[0]
    version = sql.execute("PRAGMA user_version").fetchone()[0]
    if application == APPLICATION_ID and version == VERSION:
        return
    if application == APPLICATION_ID:
        raise ConfigurationError(
            f"{where} was written by another newsloom (format {version}, this one knows {VERSION}): upgrade this one"
        )
    if application or version or sql.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise ConfigurationError(f"{where} is another program's database: name another file")
    for table in _TABLES:
        sql.execute(table)
    sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    sql.execute(f"PRAGMA user_version = {VERSION}")
