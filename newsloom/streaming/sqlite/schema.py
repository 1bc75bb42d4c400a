"""The tables, and how a file becomes ours."""

from __future__ import annotations

import sqlite3
from typing import Final

from newsloom.streaming.errors import ConfigurationError

APPLICATION_ID: Final = 0x6E657773
VERSION: Final = 2

# A record's place is its partition's id and its offset in one integer: the table is then one B-tree in log order, rows of
# several kilobytes stay out of any index, and a partition is a range of it.
OFFSET_BITS: Final = 40

# How many rows there must be of those that are never deleted, so that one that is missing is told from one that never was.
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

_TABLES: Final = (
    """
    CREATE TABLE topics (
        name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, policy TEXT NOT NULL, retention_ms INTEGER,
        max_record_bytes INTEGER NOT NULL, config BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    # `written` records have ever been: it is the next offset. `deleted` ones are gone, so that what must be there is known.
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
    *_COUNTS,
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


# A process of the older version that is still at work fails at the name `written`, instead of deleting without counting.
_UPGRADE_FROM_1: Final = (
    *_COUNTS,
    "ALTER TABLE records ADD COLUMN checksum INTEGER",
    "ALTER TABLE partitions RENAME COLUMN end_offset TO written",
    "ALTER TABLE partitions ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0",
    "UPDATE partitions SET deleted = written - (SELECT COUNT(*) FROM records WHERE place >= id << 40 AND place < id + 1 << 40)",
)


def is_prepared(sql: sqlite3.Connection) -> bool:
    """Whether there is nothing to do for `prepare`."""
    return _format(sql) == (APPLICATION_ID, VERSION)


def prepare(sql: sqlite3.Connection, where: str, *, create: bool) -> None:
    """Create the tables in an empty database if `create`, upgrade an older version's; call it inside a write transaction.

    Raises:
        ConfigurationError: the database is empty, another program's, or a newer version's; the message names `where`.

    """
    application, version = _format(sql)
    if application == APPLICATION_ID and version > VERSION:
        raise ConfigurationError(
            f"{where} was written by a newer newsloom (format {version}, this one knows {VERSION}): upgrade this one"
        )
    if application == APPLICATION_ID and version == 1:
        _execute(sql, _UPGRADE_FROM_1)
    elif (application, version) != (APPLICATION_ID, VERSION):
        if application or version or sql.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise ConfigurationError(f"{where} is another program's database: name another file")
        if not create:
            raise ConfigurationError(
                f"{where} is empty: if there was a log in it, restore it from a backup; if not, `newsloom topics create`"
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
