"""One SQLite database: a file that is opened with care, or memory."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.sqlite.connection import BUSY_TIMEOUT_MS, Connection, code_of, translated
from newsloom.streaming.sqlite.schema import is_prepared, prepare


class Database:
    """Where the connections come from: a file, or memory when `path` is None. An empty file becomes a log if `create`.

    Raises:
        ConfigurationError: there is no such folder, the file cannot be written, is empty, damaged, or not ours.
        LogUnavailable: another process kept the file locked.

    """

    def __init__(self, path: Path | None, *, create: bool) -> None:
        # Absolute: a process that changes its folder keeps its log.
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
        """A connection for one user (a worker, a reader...) to keep; closed if the block raises."""
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
        with translated(self._where):
            sql = self._open_file()
            connection = Connection(sql, threading.RLock(), self._where, shared=False, check=self._check_in_place)
        self._connections.add(connection)
        # One that is dropped without `close` is closed too, at once: sqlite3's own would wait for the garbage collector.
        # Not at the process's end, when a thread may still be at work with it.
        weakref.finalize(connection, sql.close).atexit = False
        return connection

    def _open_file(self) -> sqlite3.Connection:
        sql = sqlite3.connect(
            str(self._path), timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False, isolation_level=None
        )
        # FULL: a commit is on the disk before anybody sees it, so that what a subscriber was shown survives a power loss too.
        # (NORMAL would survive kill -9 only.) Transactions carry many records; the sync is not what limits the log.
        sql.execute("PRAGMA synchronous = FULL")
        sql.execute("PRAGMA journal_size_limit = 67108864")
        # A page is looked through when it is read: damage is found then, not when it has been followed.
        sql.execute("PRAGMA cell_size_check = ON")
        return sql

    def _prepare(self, *, create: bool) -> None:
        try:
            with self.connection() as connection:
                with connection.read() as sql:
                    # So that who opens a log waits for no writer.
                    prepared = is_prepared(sql)
                if not prepared:
                    with connection.write() as sql:
                        prepare(sql, self._where, create=create)
                if self._path is not None:
                    connection.use_write_ahead_log()
                connection.close()
        except LogUnavailable as error:
            if code_of(error.__cause__) == sqlite3.SQLITE_BUSY:
                raise
            raise ConfigurationError(f"{error}: name a file that can be written, on a disk with room") from error

    def _check_in_place(self) -> None:
        """See that the file is where it was: what is written to one that was deleted is lost."""
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
                f"{self._where} was deleted, moved or replaced while it was in use: see that the right file is in its place "
                "and start again"
            )


def _check_files(path: Path, where: str, *, create: bool) -> None:
    """What SQLite would tell late or not at all."""
    if not path.parent.is_dir():
        raise ConfigurationError(f"{where} lies in a folder that does not exist: create the folder")
    if path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise ConfigurationError(
            f"{where} is read-only, or its folder is: name a file that can be written, in a folder that can be"
        )
    rest = path.with_name(f"{path.name}-wal")
    if rest.exists() and rest.stat().st_size and not (path.exists() and path.stat().st_size):
        # SQLite would delete it as a remainder.
        raise ConfigurationError(
            f"{where} is empty or gone, and {rest.name} beside it holds what was written last: restore the two files that "
            "belong together, or move that one away to begin anew"
        )
    if not create and not path.exists():
        raise ConfigurationError(f"{where} does not exist: correct the path, or let `newsloom topics create` make it")
