"""Connections to one SQLite database, with transactions and errors as the port has them."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from newsloom.streaming.embedded.schema import prepare
from newsloom.streaming.errors import ConfigurationError, LogUnavailable

BUSY_TIMEOUT_MS: Final = 30_000
LOOK_INTERVAL_S: Final = 0.02
"""How often a waiting poll asks whether anybody has committed: a look costs microseconds."""
LOOK_ANYWAY_S: Final = 1.0
"""A waiting poll goes round at least this often: sessions of others end by time, not by a commit."""

_UNAVAILABLE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
    }
)
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Connection:
    """One user's way into the database. In memory, all users share one SQLite connection and its lock."""

    def __init__(self, sql: sqlite3.Connection, lock: threading.RLock, where: str, *, shared: bool) -> None:
        self._sql = sql
        self._lock = lock
        self._where = where
        self._shared = shared

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A transaction that reads one state of the log, without waiting for anybody.

        Raises:
            LogUnavailable: the file cannot be read for now.

        """
        with self._transaction("BEGIN") as sql:
            yield sql

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is alone in writing from its first line on; rolled back when the block raises.

        Raises:
            LogUnavailable: another writer does not end, the disk is full, an I/O error. Nothing was written.

        """
        with self._transaction("BEGIN IMMEDIATE") as sql:
            yield sql

    def version(self) -> int:
        """A number that changes when another user has committed."""
        with self._lock, translated(self._where):
            if self._shared:
                return self._sql.total_changes
            version: int = self._sql.execute("PRAGMA data_version").fetchone()[0]
            return version

    def wait(self, seen: int, deadline: float) -> bool:
        """Wait until `version` is no longer `seen` or it is time to look anyway; False once `deadline` (monotonic) is past."""
        look_at = time.monotonic() + LOOK_ANYWAY_S
        while (now := time.monotonic()) < deadline:
            if now >= look_at or self.version() != seen:
                return True
            time.sleep(min(LOOK_INTERVAL_S, deadline - now))
        return False

    def use_write_ahead_log(self) -> None:
        """Let readers read while somebody writes; the file remembers it. Call it outside a transaction."""
        deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        with self._lock, translated(self._where):
            while True:
                try:
                    self._sql.execute("PRAGMA journal_mode = WAL")
                except sqlite3.OperationalError as error:
                    # SQLite does not wait here for other processes, which may be at the same switch.
                    if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(LOOK_INTERVAL_S)
                else:
                    return

    def close(self) -> None:
        """Give the connection back."""
        if not self._shared:
            self._sql.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self._where):
            try:
                self._sql.execute(begin)
                yield self._sql
                self._sql.execute("COMMIT")
            finally:
                # Also after a COMMIT that failed half way: SQLite then leaves the transaction open.
                if self._sql.in_transaction:
                    with suppress(sqlite3.OperationalError):
                        self._sql.execute("ROLLBACK")


class Database:
    """Where the connections come from: a file, or memory when `path` is None.

    Raises:
        ConfigurationError: there is no such folder, the file cannot be written, or is not ours.

    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._where = f"NEWSLOOM_LOG: {path or 'memory'}"
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._memory = None if path else sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._memory_lock = threading.RLock()
        self._prepare()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for one user (a worker, a reader...) to keep; closed if the block raises."""
        connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise

    def _connect(self) -> Connection:
        if self._memory is not None:
            return Connection(self._memory, self._memory_lock, self._where, shared=True)
        with translated(self._where):
            connection = Connection(self._open_file(), threading.RLock(), self._where, shared=False)
        self._connections.add(connection)
        return connection

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            connection.close()
        if self._memory is not None:
            self._memory.close()

    def _open_file(self) -> sqlite3.Connection:
        sql = sqlite3.connect(
            str(self._path), timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False, isolation_level=None
        )
        # FULL: a commit is on the disk before anybody sees it, so that what a subscriber was shown survives a power loss too.
        # (NORMAL would survive kill -9 only.) Transactions carry many records; the sync is not what limits the log.
        sql.execute("PRAGMA synchronous = FULL")
        sql.execute("PRAGMA journal_size_limit = 67108864")
        return sql

    def _prepare(self) -> None:
        if self._path is not None and not self._path.absolute().parent.is_dir():
            raise ConfigurationError(f"{self._where} lies in a folder that does not exist: create the folder")
        try:
            with self.connection() as connection:
                with connection.write() as sql:
                    prepare(sql, self._where)
                if self._path is not None:
                    connection.use_write_ahead_log()
                connection.close()
        except LogUnavailable as error:
            if _code(error.__cause__) == sqlite3.SQLITE_BUSY:
                raise
            raise ConfigurationError(f"{error}: name a file that can be written, on a disk with room") from error


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise SQLite's errors as the port's; those that only a mistake in our own code can cause are left alone."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = _code(error)
        if code in _UNAVAILABLE:
            raise LogUnavailable(f"{where}: {error}") from error
        if code in _DAMAGED:
            raise ConfigurationError(
                f"{where} is damaged or no database ({error}): name another file or restore it from a backup"
            ) from error
        raise


def _code(error: BaseException | None) -> int:
    """SQLite's primary result code; 0 for errors that are not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
