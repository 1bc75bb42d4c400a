"""Open the file of the read model, or make it again if it cannot be continued."""

from __future__ import annotations

import fcntl
import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Final

import msgspec
import structlog

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.streaming.records import TopicPartition
from services.storypage.ratings import load_ratings
from services.storypage.read_model.own_file import APPLICATION_ID, check_file, check_is_own, is_empty
from services.storypage.read_model.schema import TABLES, VERSION

AGE_MS_MAX: Final = 12 * 3_600_000
"""A tombstone stays on a compacted topic for a day. A model that has not read for longer may have missed one."""
CACHE_KIB: Final = 65_536
BUSY_S: Final = 30.0

_log = structlog.get_logger("newsloom.storypage")


class FileReplaced(LogError):
    """The file was deleted or replaced while it was in use. A restart makes it again."""


class ModelFile:
    """The file of one process. A lock beside it keeps other processes from writing it."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._lock: IO[str] | None = None
        self._inode = 0

    def lock(self, settings: Settings) -> None:
        """Lock the file.

        Raises:
            ConfigurationError: it is not a story page's, another process uses it, or its folder cannot be written.

        """
        check_file(self.path, settings)
        try:
            self._lock = self.path.with_name(f"{self.path.name}.lock").open("a")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise self._error("another story page is using this file: name another") from error
        except OSError as error:
            raise self._error(f"{error.strerror}: name a folder that can be written") from error

    def open(self, settings: Settings, ends: Mapping[TopicPartition, int]) -> sqlite3.Connection:
        """Return a connection that writes the file; the file is made again if it does not fit the log, whose `ends` these are.

        Raises:
            ConfigurationError: the file is not a story page's.

        """
        check_is_own(self.path)
        reason = self._obstacle(settings, ends)
        if reason:
            _log.info("read-model.made-again", file=str(self.path), reason=reason)
            self.delete()
            self._mark()
        sql = self.connect()
        if reason:
            sql.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
            sql.executemany("REPLACE INTO source VALUES (?, ?)", _identity(settings).items())
        self._inode = self.path.stat().st_ino
        return sql

    def check(self) -> None:
        """Raise `FileReplaced` unless the file is the one that was opened: what is written to another one is lost."""
        try:
            is_same = self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise FileReplaced(
                f"NEWSLOOM_PAGE_FILE={self.path}: the file was deleted or replaced while this process used it; the next start "
                "makes it again from the topics"
            )

    def reader(self) -> sqlite3.Connection:
        """Return a connection that only reads."""
        sql = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=BUSY_S, check_same_thread=False)
        sql.isolation_level = None
        sql.execute(f"PRAGMA cache_size = -{CACHE_KIB // 8}")
        return sql

    def delete(self) -> None:
        """Delete the file; raise `ConfigurationError` if it is not a story page's."""
        check_is_own(self.path)
        for suffix in ("", "-journal", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Let other processes have the file."""
        if self._lock is not None:
            self._lock.close()

    def connect(self) -> sqlite3.Connection:
        """Return a connection that writes."""
        sql = sqlite3.connect(self.path, timeout=BUSY_S, check_same_thread=False)
        sql.isolation_level = None
        sql.execute("PRAGMA journal_mode = WAL")
        # What a power cut takes is read again: the offsets are in the same transactions.
        sql.execute("PRAGMA synchronous = NORMAL")
        sql.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return sql

    def _mark(self) -> None:
        # Before anything else is in the file: whenever the process is killed, the next one knows the file again.
        with closing(sqlite3.connect(self.path, timeout=BUSY_S)) as sql:
            sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _error(self, reason: str) -> ConfigurationError:
        return ConfigurationError(f"NEWSLOOM_PAGE_FILE={self.path}: {reason}")

    def _obstacle(self, settings: Settings, ends: Mapping[TopicPartition, int]) -> str:
        """Return why the file cannot be continued; empty if it can."""
        if not self.path.exists() or is_empty(self.path):
            return "there is no file"
        try:
            sql = self.connect()
            try:
                return _obstacle(sql, settings, ends, now_ms=self._clock() * 1000)
            finally:
                sql.close()
        except sqlite3.DatabaseError as error:
            return f"it is damaged: {error}"


def _obstacle(sql: sqlite3.Connection, settings: Settings, ends: Mapping[TopicPartition, int], *, now_ms: float) -> str:
    if sql.execute("PRAGMA user_version").fetchone() != (VERSION,):
        return "another version made it"
    source = dict(sql.execute("SELECT name, value FROM source").fetchall())
    if any(source.get(name) != value for name, value in _identity(settings).items()):
        return "it was made from another log, or with other ratings"
    if now_ms - int(source.get("read_at_ms", "0")) > AGE_MS_MAX:
        return "it is older than the tombstones of the topics"
    for topic, partition, offset in sql.execute("SELECT topic, partition, offset FROM positions"):
        if offset > ends.get(TopicPartition(topic, partition), 0):
            return "the log ends before it: the topics were made anew"
    return ""


def _identity(settings: Settings) -> dict[str, str]:
    ratings = hashlib.sha256(
        msgspec.json.encode(load_ratings(settings.page_ratings), order="deterministic")
    ).hexdigest()
    return {"log": settings.log, "topic_prefix": settings.topic_prefix, "ratings": ratings}
