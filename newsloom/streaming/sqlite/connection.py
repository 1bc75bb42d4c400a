"""Connections to one SQLite database, with transactions and errors as the port has them."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.sqlite.damage import Damage

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
# CONSTRAINT: a place that is to be written is taken already, which the end of the partition says it is not. ERROR: our statements
# are always the same; where one does not fit the tables, the tables are not ours any more.
_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR}
)


class Connection:
    """One user's way into the database. In memory, all users share one SQLite connection and its lock."""

    def __init__(
        self,
        sql: sqlite3.Connection,
        lock: threading.RLock,
        where: str,
        *,
        shared: bool,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`check` is called before each transaction; what it raises prevents it."""
        self._sql = sql
        self._lock = lock
        self._where = where
        self._shared = shared
        self._check = check

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A transaction that reads one state of the log, without waiting for anybody.

        Raises:
            LogUnavailable: the file cannot be read for now.
            ConfigurationError: the file is damaged, or no longer where it was.

        """
        with self._transaction("BEGIN") as sql:
            yield sql

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is alone in writing from its first line on; rolled back when the block raises.

        Raises:
            LogUnavailable: another writer does not end, the disk is full, an I/O error. Nothing was written.
            ConfigurationError: the file is damaged, or no longer where it was. Nothing was written.

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
        """Let readers read while somebody writes; the file remembers it. Call it outside a transaction.

        Raises:
            ConfigurationError: where the file lies, that is impossible.
            LogUnavailable: another process kept the file locked.

        """
        deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        with self._lock, translated(self._where):
            while True:
                try:
                    (mode,) = self._sql.execute("PRAGMA journal_mode = WAL").fetchone()
                except sqlite3.OperationalError as error:
                    # SQLite does not wait here for other processes, which may be at the same switch.
                    if code_of(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(LOOK_INTERVAL_S)
                else:
                    break
        if mode != "wal":
            raise ConfigurationError(
                f"{self._where} lies where no write-ahead log can be shared (SQLite went on with {mode!r}): "
                "name a file on a disk of this machine, not on a network's"
            )

    def close(self) -> None:
        """Give the connection back."""
        if not self._shared:
            self._sql.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self._where):
            try:
                self._check()
                self._sql.execute(begin)
                yield self._sql
                self._sql.execute("COMMIT")
            finally:
                # Also after a COMMIT that failed half way: SQLite then leaves the transaction open.
                if self._sql.in_transaction:
                    with suppress(sqlite3.OperationalError):
                        self._sql.execute("ROLLBACK")


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise SQLite's errors, and what we find ourselves, as the port's.

    Here and nowhere else it is decided what an error means.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = code_of(error)
        if code == sqlite3.SQLITE_BUSY:
            raise LogUnavailable(
                f"{where}: another process has kept it locked for {BUSY_TIMEOUT_MS // 1000} s; is one stopped or hanging?"
            ) from error
        if code in _UNAVAILABLE:
            raise LogUnavailable(f"{where}: {error}") from error
        if code in _DAMAGED or (isinstance(error, sqlite3.OperationalError) and not code):
            raise damaged(where, error) from error
        raise
    except (Damage, msgspec.DecodeError, UnicodeDecodeError) as error:
        # What is stored was encoded by us: that it cannot be decoded is damage too.
        raise damaged(where, error) from error


def damaged(where: str, error: Exception) -> ConfigurationError:
    """The error that says so, and what to do."""
    what = "no database, or damaged" if code_of(error) == sqlite3.SQLITE_NOTADB else "damaged"
    return ConfigurationError(f"{where} is {what} ({error}): name another file or restore it from a backup")


def code_of(error: BaseException | None) -> int:
    """SQLite's primary result code; 0 for errors that are not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
