"""What the endpoints share: the read model's readers, the live updates and the settings."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from newsloom.settings import Settings
from services.storypage.live import LiveUpdates
from services.storypage.positions import Positions
from services.storypage.read_model.model import PublishedUpdate
from services.storypage.read_model.queries import Queries


class Context:
    """The state of the web application. Endpoints run in several threads; each has a connection of its own."""

    def __init__(
        self,
        settings: Settings,
        live: LiveUpdates,
        connect: Callable[[], sqlite3.Connection],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self.live = live
        self.now = now
        self._connect = connect
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    @contextmanager
    def read(self) -> Iterator[Queries]:
        """Read one state of the read model while entered."""
        sql: sqlite3.Connection | None = getattr(self._local, "sql", None)
        if sql is None:
            sql = self._local.sql = self._connect()
            self._opened.append(sql)
        sql.execute("BEGIN")
        try:
            yield Queries(sql, self.settings.topic_prefix)
        finally:
            sql.execute("ROLLBACK")

    def updates_after(self, after: Positions, limit: int) -> list[PublishedUpdate]:
        """Return updates as `Queries.updates_after` does."""
        with self.read() as queries:
            return queries.updates_after(after, limit)

    def close(self) -> None:
        """Close all connections."""
        for sql in self._opened:
            sql.close()
