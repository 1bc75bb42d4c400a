"""A log of format 1: records have no checksums, and partitions do not count deleted records."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

TABLES: Final = """
CREATE TABLE topics (
    name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, policy TEXT NOT NULL, retention_ms INTEGER,
    max_record_bytes INTEGER NOT NULL, config BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL, end_offset INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, number)
);
CREATE TABLE records (place INTEGER PRIMARY KEY, timestamp_ms INTEGER NOT NULL, key BLOB, headers BLOB, value BLOB);
CREATE TABLE latest (
    partition INTEGER NOT NULL, key BLOB NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (partition, key)
) WITHOUT ROWID;
CREATE TABLE obsolete (due_ms INTEGER, place INTEGER, PRIMARY KEY (due_ms, place)) WITHOUT ROWID;
CREATE TABLE members (
    consumer_group TEXT NOT NULL, instance TEXT NOT NULL, incarnation INTEGER NOT NULL, topics BLOB NOT NULL,
    expires_ms INTEGER NOT NULL, active INTEGER NOT NULL, PRIMARY KEY (consumer_group, instance)
) WITHOUT ROWID;
CREATE TABLE owners (
    consumer_group TEXT NOT NULL, partition INTEGER NOT NULL, instance TEXT, epoch INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, partition)
) WITHOUT ROWID;
CREATE TABLE committed (
    consumer_group TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, partition)
) WITHOUT ROWID;
CREATE TABLE writers (name TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, position INTEGER, note TEXT) WITHOUT ROWID;
PRAGMA application_id = 1852143475;
PRAGMA user_version = 1;
INSERT INTO topics VALUES ('kept', 1, 'delete', NULL, 1048576, CAST('{}' AS BLOB)),
                          ('short', 1, 'delete', 60000, 1048576, CAST('{}' AS BLOB)),
                          ('state', 2, 'compact', NULL, 1048576, CAST('{}' AS BLOB));
INSERT INTO partitions VALUES (1, 'kept', 0, 3), (2, 'short', 0, 9), (3, 'state', 0, 4), (4, 'state', 1, 0);
INSERT INTO committed VALUES ('group', 1, 1);
INSERT INTO writers VALUES ('feeder', 2, 7, 'note');
"""
OFFSETS: Final = {1: (0, 1, 2), 2: (7, 8), 3: (0, 3), 4: ()}
"""Retention has deleted 0 to 6 of `short`, and compaction 1 and 2 of `state`."""


def write_old_format(file: Path) -> None:
    """Create a file of format 1."""
    with closing(sqlite3.connect(file)) as sql:
        sql.execute("PRAGMA journal_mode = WAL")
        sql.executescript(TABLES)
        for partition, offsets in OFFSETS.items():
            for offset in offsets:
                row = (partition << 40 | offset, 4_000_000_000_000, b"k%d" % offset, b"%d" % offset)
                sql.execute("INSERT INTO records (place, timestamp_ms, key, value) VALUES (?, ?, ?, ?)", row)
        sql.commit()
