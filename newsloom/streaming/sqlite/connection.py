"""Connections to one SQLite database, with transactions and with the errors of the port."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.sqlite.corruption import Corruption

BUSY_TIMEOUT_MS: Final = 30_000
CHECK_INTERVAL_S: Final = 0.02
"""How often a waiting poll checks for a commit: a check takes microseconds."""
RETURN_INTERVAL_S: Final = 1.0
"""How long `wait` waits without a commit: sessions of other members expire without one."""

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
# CONSTRAINT: the row id of a new record exists already, although it is behind the end of the partition. ERROR: our statements
# never change; where one does not fit the tables, the tables have changed.
_CORRUPT: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR}
)


class Connection:
    """A connection of one worker, reader, writer or admin. In memory, all of them share one SQLite connection and its lock."""

    def __init__(
        self,
        sql: sqlite3.Connection,
        lock: threading.RLock,
        where: str,
        *,
        shared: bool,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Create a connection that calls `check` before each transaction; an error that it raises prevents the transaction."""
        self._sql = sql
        self._lock = lock
        self._where = where
        self._shared = shared
        self._check = check

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a transaction that reads a consistent snapshot and waits for no writer.

        Raises:
            LogUnavailable: the file cannot be read at the moment.
            ConfigurationError: the file is damaged, or was moved or deleted.

        """
        with self._transaction("BEGIN") as sql:
            yield sql

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a transaction that excludes other writers from its beginning; roll back if the block raises.

        Raises:
            LogUnavailable: another writer holds the lock for too long, the disk is full, or an I/O error. Nothing was written.
            ConfigurationError: the file is damaged, or was moved or deleted. Nothing was written.

        """
        with self._transaction("BEGIN IMMEDIATE") as sql:
            yield sql

    def version(self) -> int:
        """Return a number that changes whenever another connection commits."""
        with self._lock, translate_errors(self._where):
            if self._shared:
                return self._sql.total_changes
            version: int = self._sql.execute("PRAGMA data_version").fetchone()[0]
            return version

    def wait(self, version: int, deadline: float) -> bool:
        """Wait for a commit after `version`, at most `RETURN_INTERVAL_S`; return False once `deadline` (monotonic) is past."""
        return_at = time.monotonic() + RETURN_INTERVAL_S
        while (now := time.monotonic()) < deadline:
            if now >= return_at or self.version() != version:
                return True
            time.sleep(min(CHECK_INTERVAL_S, deadline - now))
        return False

    def use_write_ahead_log(self) -> None:
        """Switch the file to a write-ahead log, so that readers do not wait for writers. Call it outside a transaction.

        Raises:
            ConfigurationError: the file system does not support it.
            LogUnavailable: another process kept the file locked.

        """
        deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        with self._lock, translate_errors(self._where):
            while True:
                try:
                    (mode,) = self._sql.execute("PRAGMA journal_mode = WAL").fetchone()
                except sqlite3.OperationalError as error:
                    # For this statement SQLite does not wait for other processes, which may be switching too.
                    if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(CHECK_INTERVAL_S)
                else:
                    break
        if mode != "wal":
            raise ConfigurationError(
                f"{self._where} is on a file system without support for a write-ahead log (SQLite uses {mode!r} there): "
                "name a file on a local disk"
            )

    def close(self) -> None:
        """Close the connection, unless it is shared."""
        if not self._shared:
            self._sql.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, translate_errors(self._where):
            try:
                self._check()
                self._sql.execute(begin)
                yield self._sql
                self._sql.execute("COMMIT")
            finally:
                # After a failed COMMIT too: SQLite then leaves the transaction open.
                if self._sql.in_transaction:
                    with suppress(sqlite3.OperationalError):
                        self._sql.execute("ROLLBACK")


@contextmanager
def translate_errors(where: str) -> Iterator[None]:
    """Raise errors of SQLite and detected corruption as errors of the port. The only place that decides what they mean."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = primary_code(error)
        if code == sqlite3.SQLITE_BUSY:
            raise LogUnavailable(
                f"{where}: another process has kept it locked for {BUSY_TIMEOUT_MS // 1000} s; is one stopped or hanging?"
            ) from error
        if code in _UNAVAILABLE:
            raise LogUnavailable(f"{where}: {error}") from error
        if code in _CORRUPT or (isinstance(error, sqlite3.OperationalError) and not code):
            raise _damaged(where, error) from error
        raise
    except (Corruption, msgspec.DecodeError, UnicodeDecodeError) as error:
        # We encoded all stored values: one that cannot be decoded is corrupt.
        raise _damaged(where, error) from error


def _damaged(where: str, error: Exception) -> ConfigurationError:
    """Build the error for a damaged file."""
    what = "no database, or damaged" if primary_code(error) == sqlite3.SQLITE_NOTADB else "damaged"
    return ConfigurationError(f"{where} is {what} ({error}): name another file or restore it from a backup")


def primary_code(error: BaseException | None) -> int:
    """Return SQLite's primary result code of an error; 0 if it is not an error of SQLite."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
