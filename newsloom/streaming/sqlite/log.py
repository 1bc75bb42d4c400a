"""Open the log on SQLite."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Start
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.sqlite.admin import SqliteAdmin
from newsloom.streaming.sqlite.database import Database
from newsloom.streaming.sqlite.reader import SqliteReader
from newsloom.streaming.sqlite.worker import SqliteWorker
from newsloom.streaming.sqlite.writer import SqliteWriter

SESSION_TIMEOUT_MS: Final = 60_000
"""How long a member may go without a poll or a commit before another one gets its partitions."""

_SCHEME: Final = "sqlite://"


def wall_clock_ms() -> int:
    """Return the Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class SqliteLog:
    """`Log` on one SQLite database. Open it once per process; threads may share it."""

    def __init__(self, database: Database, *, clock: Callable[[], int], session_timeout_ms: int) -> None:
        self._database = database
        self._clock = clock
        self._session_timeout_ms = session_timeout_ms

    def admin(self) -> SqliteAdmin:
        """See `Log.__init__`."""
        with self._database.connection() as connection:
            return SqliteAdmin(connection, self._clock)

    def worker(self, *, group: str, instance: str, topics: Sequence[str]) -> SqliteWorker:
        """See `Log.worker`."""
        with self._database.connection() as connection:
            return SqliteWorker(
                connection,
                group=group,
                instance=instance,
                topics=topics,
                clock=self._clock,
                session_timeout_ms=self._session_timeout_ms,
            )

    def reader(self, partitions: Sequence[TopicPartition], *, start: Start) -> SqliteReader:
        """See `Log.reader`."""
        with self._database.connection() as connection:
            return SqliteReader(connection, partitions, start=start)

    def writer(self, name: str, *, progress_topic: str = "") -> SqliteWriter:  # noqa: ARG002 - progress has its own table
        """See `Log.writer`."""
        with self._database.connection() as connection:
            return SqliteWriter(connection, name, self._clock)

    def close(self) -> None:
        """See `Log.close`."""
        self._database.close()


def open_sqlite(
    url: str,
    *,
    create: bool = True,
    clock: Callable[[], int] = wall_clock_ms,
    session_timeout_ms: int = SESSION_TIMEOUT_MS,
) -> SqliteLog:
    """Open the log in a file (`sqlite:///relative.db`, `sqlite:////absolute/path.db`) or in memory (`sqlite://`).

    `clock` returns Unix time in milliseconds, for the timestamps of records, sessions and retention. A log in memory exists
    as long as the returned object. Without `create` the file must exist and be a log.

    Raises:
        ConfigurationError: the URL has another form; the file cannot be opened or written, or is not a log.
        LogUnavailable: another process kept the file locked.

    """
    path = path_of_url(url)
    database = Database(path, create=create or path is None)
    return SqliteLog(database, clock=clock, session_timeout_ms=session_timeout_ms)


def path_of_url(url: str) -> Path | None:
    """Return the path of the log's file, None for a log in memory; raise `ConfigurationError` if the URL has another form."""
    rest = url.removeprefix(_SCHEME)
    if url == _SCHEME:
        return None
    if not url.startswith(_SCHEME) or not rest.startswith("/") or rest.endswith("/"):
        raise ConfigurationError(
            f"NEWSLOOM_LOG={url!r} does not name a file: write sqlite:///relative.db, sqlite:////absolute/path.db or sqlite://"
        )
    return Path(rest[1:])
