"""One SQLite database, in a file or in memory."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.sqlite.connection import BUSY_TIMEOUT_MS, Connection, primary_code, translate_errors
from newsloom.streaming.sqlite.schema import is_prepared, prepare


class Database:
    """Opens connections to a file, or to memory if `path` is None. With `create`, a missing or empty file becomes a log.

    Raises:
        ConfigurationError: the folder or the file does not exist; the file is read-only, empty, damaged, or another program's.
        LogUnavailable: another process kept the file locked.

    """

    def __init__(self, path: Path | None, *, create: bool) -> None:
        # Absolute, so that the log stays the same if the process changes its working directory.
        self._path = None if path is None else path.absolute()
        self._where = f"NEWSLOOM_LOG: {path or 'memory'}"
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._memory = None if path else sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._memory_lock = threading.RLock()
        self._file: tuple[int, int] | None = None
        if self._path is not None:
            _check_files(self._path, self._where, create=create)
        self._prepare(create=create)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Open a connection that outlives the block; close it if the block raises."""
        connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            connection.close()
        if self._memory is not None:
            self._memory.close()

    def _connect(self) -> Connection:
        if self._memory is not None:
            return Connection(self._memory, self._memory_lock, self._where, shared=True)
        with translate_errors(self._where):
            sql = self._open_file()
            connection = Connection(sql, threading.RLock(), self._where, shared=False, check=self._check_unmoved)
        self._connections.add(connection)
        # Close a connection that was dropped without `close` at once: sqlite3 would wait for the garbage collector.
        # Not at exit, when a thread may still use it.
        weakref.finalize(connection, sql.close).atexit = False
        return connection

    def _open_file(self) -> sqlite3.Connection:
        sql = sqlite3.connect(
            str(self._path), timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False, isolation_level=None
        )
        # FULL: a commit is on disk before it is visible, so that updates seen by a subscriber survive a power loss. (NORMAL
        # would survive kill -9 only.) The sync does not limit the throughput: a transaction has many records.
        sql.execute("PRAGMA synchronous = FULL")
        sql.execute("PRAGMA journal_size_limit = 67108864")
        # Check each page when it is read, to find damage before its pointers are followed.
        sql.execute("PRAGMA cell_size_check = ON")
        return sql

    def _prepare(self, *, create: bool) -> None:
        try:
            with self.connection() as connection:
                with connection.read() as sql:
                    # Read first: opening a log must not wait for a writer.
                    prepared = is_prepared(sql)
                if not prepared:
                    with connection.write() as sql:
                        prepare(sql, self._where, create=create)
                if self._path is not None:
                    connection.use_write_ahead_log()
                connection.close()
        except LogUnavailable as error:
            if primary_code(error.__cause__) == sqlite3.SQLITE_BUSY:
                raise
            raise ConfigurationError(f"{error}: name a file that can be written, on a disk with free space") from error

    def _check_unmoved(self) -> None:
        """Raise `ConfigurationError` if the file was moved, deleted or replaced: writes to it would be lost."""
        assert self._path is not None  # noqa: S101 - for the type checker
        try:
            found = self._path.stat()
        except FileNotFoundError:
            file = None
        else:
            file = (found.st_dev, found.st_ino)
        self._file = self._file or file
        if file is None or file != self._file:
            raise ConfigurationError(
                f"{self._where} was deleted, moved or replaced while it was in use: put the right file there and start again"
            )


def _check_files(path: Path, where: str, *, create: bool) -> None:
    """Raise `ConfigurationError` for problems that SQLite would report late or never."""
    if not path.parent.is_dir():
        raise ConfigurationError(f"{where} is in a folder that does not exist: create the folder")
    if path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise ConfigurationError(
            f"{where} is read-only, or its folder is: name a file and a folder that can be written"
        )
    rest = path.with_name(f"{path.name}-wal")
    if rest.exists() and rest.stat().st_size and not (path.exists() and path.stat().st_size):
        # SQLite would delete this file as a leftover.
        raise ConfigurationError(
            f"{where} is empty or missing, but {rest.name} beside it holds the last commits: restore the file that belongs to "
            f"it, or move {rest.name} away to start with an empty log"
        )
    if create:
        _create_private(path)
    elif not path.exists():
        raise ConfigurationError(
            f"{where} does not exist: correct the path, or create it with `newsloom topics create`"
        )


def _create_private(path: Path) -> None:
    """Create the file, if it is missing, for this user alone: whoever may read a log may lock it. SQLite's other files follow."""
    with suppress(OSError):  # It exists, or cannot be created: SQLite reports that when it opens the file.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
