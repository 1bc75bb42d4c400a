"""The tables of the log, and their creation and upgrade."""

from __future__ import annotations

import sqlite3
from typing import Final

from newsloom.streaming.errors import ConfigurationError

APPLICATION_ID: Final = 0x6E657773
VERSION: Final = 3

# The row id of a record (column `place`) is the row id of its partition and its offset in one integer: the table is one
# B-tree in log order, a partition is a range of it, and no index holds rows of several kilobytes.
OFFSET_BITS: Final = 40

# The number of rows in tables whose rows are never deleted, so that a lost row can be detected.
_COUNTS: Final = (
    "CREATE TABLE counts (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO counts SELECT 'committed', COUNT(*) FROM committed",
    "INSERT INTO counts SELECT 'members', COUNT(*) FROM members",
    "INSERT INTO counts SELECT 'writers', COUNT(*) FROM writers",
    """
    CREATE TRIGGER committed_counted AFTER INSERT ON committed
    BEGIN UPDATE counts SET number = number + 1 WHERE name = 'committed'; END
    """,
    """
    CREATE TRIGGER members_counted AFTER INSERT ON members
    BEGIN UPDATE counts SET number = number + 1 WHERE name = 'members'; END
    """,
    """
    CREATE TRIGGER writers_counted AFTER INSERT ON writers
    BEGIN UPDATE counts SET number = number + 1 WHERE name = 'writers'; END
    """,
)

# One row: the log's time (`clock.py`), 0 until something is written.
_CLOCK: Final = ("CREATE TABLE clock (time_ms INTEGER NOT NULL)", "INSERT INTO clock VALUES (0)")

_TABLES: Final = (
    """
    CREATE TABLE topics (
        name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, policy TEXT NOT NULL, retention_ms INTEGER,
        max_record_bytes INTEGER NOT NULL, config BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    # `written`: records ever written, and the next offset. `deleted`: how many of them were deleted.
    """
    CREATE TABLE partitions (
        id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL, written INTEGER NOT NULL DEFAULT 0,
        deleted INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, number)
    )
    """,
    """
    CREATE TABLE records (
        place INTEGER PRIMARY KEY, timestamp_ms INTEGER NOT NULL, key BLOB, headers BLOB, value BLOB, checksum INTEGER
    )
    """,
    # For compacted topics: the row id of the latest record of each key, and when which records may be deleted.
    """
    CREATE TABLE latest (
        partition INTEGER NOT NULL, key BLOB NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (partition, key)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE obsolete (due_ms INTEGER, place INTEGER, PRIMARY KEY (due_ms, place)) WITHOUT ROWID",
    # An evicted member keeps its row, so that its next incarnation gets a higher number.
    """
    CREATE TABLE members (
        consumer_group TEXT NOT NULL, instance TEXT NOT NULL, incarnation INTEGER NOT NULL, topics BLOB NOT NULL,
        expires_ms INTEGER NOT NULL, active INTEGER NOT NULL, PRIMARY KEY (consumer_group, instance)
    ) WITHOUT ROWID
    """,
    # `epoch` counts the changes of owner, so that a member notices that it lost a partition and got it back.
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
    *_COUNTS,
    *_CLOCK,
)


def row_id(partition: int, offset: int) -> int:
    """Return the row id of the record with this offset. That of offset 0 of the next partition is the end of this one."""
    return (partition << OFFSET_BITS) | offset


def partition_of_row(row_id: int) -> int:
    """Return the row id of the partition of a record, from the row id of the record."""
    return row_id >> OFFSET_BITS


def offset_of_row(row_id: int) -> int:
    """Return the offset of a record from its row id."""
    return row_id & ((1 << OFFSET_BITS) - 1)


# A running process of the first version fails because of the new name `written`; else it would delete without counting.
_UPGRADE_FROM_1: Final = (
    *_COUNTS,
    "ALTER TABLE records ADD COLUMN checksum INTEGER",
    "ALTER TABLE partitions RENAME COLUMN end_offset TO written",
    "ALTER TABLE partitions ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0",
    "UPDATE partitions SET deleted = written - (SELECT COUNT(*) FROM records WHERE place >= id << 40 AND place < id + 1 << 40)",
)

_UPGRADES: Final = {1: (*_UPGRADE_FROM_1, *_CLOCK), 2: _CLOCK}
"""By the version of a log, what makes the present one of it. Running processes of version 2 go on, without `clock`."""


def is_prepared(sql: sqlite3.Connection) -> bool:
    """Return whether the database has the tables of this version."""
    return _format(sql) == (APPLICATION_ID, VERSION)


def prepare(sql: sqlite3.Connection, where: str, *, create: bool) -> None:
    """Create the tables in an empty database if `create`, or upgrade those of an older version, in a write transaction.

    Raises:
        ConfigurationError: the database is empty, another program's, or a newer version's; the message begins with `where`.

    """
    application, version = _format(sql)
    if application == APPLICATION_ID and version > VERSION:
        raise ConfigurationError(
            f"{where} was written by a newer newsloom (format {version}; this one reads up to {VERSION}): upgrade this one"
        )
    if application == APPLICATION_ID and version in _UPGRADES:
        _execute(sql, _UPGRADES[version])
    elif (application, version) != (APPLICATION_ID, VERSION):
        if application or version or sql.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise ConfigurationError(f"{where} is another program's database: name another file")
        if not create:
            raise ConfigurationError(
                f"{where} is empty: if it had a log, restore it from a backup; if not, run `newsloom topics create`"
            )
        _execute(sql, _TABLES)


def _format(sql: sqlite3.Connection) -> tuple[int, int]:
    application: int = sql.execute("PRAGMA application_id").fetchone()[0]
    version: int = sql.execute("PRAGMA user_version").fetchone()[0]
    return application, version


def _execute(sql: sqlite3.Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        sql.execute(statement)
    sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    sql.execute(f"PRAGMA user_version = {VERSION}")
