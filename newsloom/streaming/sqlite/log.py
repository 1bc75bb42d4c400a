"""The embedded log as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.sqlite.admin import EmbeddedAdmin
from newsloom.streaming.sqlite.database import Database
from newsloom.streaming.sqlite.reader import EmbeddedReader
from newsloom.streaming.sqlite.worker import EmbeddedWorker
from newsloom.streaming.sqlite.writer import EmbeddedWriter

SESSION_TIMEOUT_MS: Final = 60_000
"""How long a member may go without a poll or a commit while others wait for its partitions."""

_SCHEME: Final = "sqlite://"


def wall_clock_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class EmbeddedLog:
    """The port's `Log` on one SQLite database. Open it once per process; threads may share it."""

    def __init__(self, database: Database, *, clock: Callable[[], int], session_timeout_ms: int) -> None:
        self._database = database
        self._clock = clock
        self._session_timeout_ms = session_timeout_ms

    def admin(self) -> EmbeddedAdmin:
        """See the port."""
        with self._database.connection() as connection:
            return EmbeddedAdmin(connection)

    def worker(self, *, group: str, instance: str, topics: Sequence[str]) -> EmbeddedWorker:
        """See the port."""
        with self._database.connection() as connection:
            return EmbeddedWorker(
                connection,
                group=group,
                instance=instance,
                topics=topics,
                clock=self._clock,
                session_timeout_ms=self._session_timeout_ms,
            )

    def reader(self, partitions: Sequence[TopicPartition], *, start: Literal["earliest", "latest"]) -> EmbeddedReader:
        """See the port."""
        with self._database.connection() as connection:
            return EmbeddedReader(connection, partitions, start=start)

    def writer(self, name: str) -> EmbeddedWriter:
        """See the port."""
        with self._database.connection() as connection:
            return EmbeddedWriter(connection, name, self._clock)

    def close(self) -> None:
        """See the port."""
        self._database.close()


def open_embedded(
    url: str,
    *,
    create: bool = True,
    clock: Callable[[], int] = wall_clock_ms,
    session_timeout_ms: int = SESSION_TIMEOUT_MS,
) -> EmbeddedLog:
    """The log in a file (`sqlite:///relative.db`, `sqlite:////absolute/path.db`) or in this process's memory (`sqlite://`).

    `clock` gives Unix milliseconds: it stamps records and decides when sessions and retentions end. A log in memory
    belongs to the object returned and ends with it. Without `create` the file must exist and be a log.

    Raises:
        ConfigurationError: the URL has another form, or the file cannot be opened, written, or is no log of ours.
        LogUnavailable: another process kept the file locked.

    """
    path = _path(url)
    database = Database(path, create=create or path is None)
    return EmbeddedLog(database, clock=clock, session_timeout_ms=session_timeout_ms)


def _path(url: str) -> Path | None:
    rest = url.removeprefix(_SCHEME)
    if url == _SCHEME:
        return None
    if not url.startswith(_SCHEME) or not rest.startswith("/") or rest.endswith("/"):
        raise ConfigurationError(
            f"NEWSLOOM_LOG={url!r} names no file: write sqlite:///relative.db, sqlite:////absolute/path.db or sqlite://"
        )
    return Path(rest[1:])
