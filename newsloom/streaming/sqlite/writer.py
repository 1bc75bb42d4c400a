"""Write to the SQLite log without a consumer group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from newsloom.streaming.errors import CommitFailed, Fenced, LogUnavailable
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite.append import append
from newsloom.streaming.sqlite.connection import Connection
from newsloom.streaming.sqlite.corruption import check_row_count
from newsloom.streaming.sqlite.topics import TopicCache

_OPEN: Final = """
    INSERT INTO writers (name, incarnation) VALUES (?, 1) ON CONFLICT DO UPDATE SET incarnation = incarnation + 1
    RETURNING incarnation
"""
_PROGRESS: Final = "SELECT position, note FROM writers WHERE name = ? AND position IS NOT NULL"
_DELETE: Final = "DELETE FROM writers WHERE name = ? AND incarnation = ?"
_COUNT_DELETED: Final = "UPDATE counts SET number = number - 1 WHERE name = 'writers'"
_STORE: Final = "UPDATE writers SET position = ?, note = ? WHERE name = ? AND incarnation = ?"


class SqliteWriter:
    """`Writer` on SQLite."""

    def __init__(self, connection: Connection, name: str, clock: Callable[[], int]) -> None:
        self._connection = connection
        self._name = name
        self._clock = clock
        self._topics = TopicCache()
        with connection.write() as sql:
            self._incarnation: int = sql.execute(_OPEN, (name,)).fetchone()[0]
            if self._incarnation == 1:
                check_row_count(sql, "writers")

    def progress(self) -> Progress | None:
        """See `Writer.__init__`."""
        with self._connection.read() as sql:
            row = sql.execute(_PROGRESS, (self._name,)).fetchone()
        return None if row is None else Progress(position=row[0], note=row[1])

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """See `Writer.write`."""
        try:
            with self._connection.write() as sql:
                stored = sql.execute(_STORE, (progress.position, progress.note, self._name, self._incarnation))
                if stored.rowcount == 0:
                    raise Fenced(f"a newer process has opened the writer {self._name}")
                append(sql, self._topics, messages, self._clock())
        except LogUnavailable as error:
            raise CommitFailed(str(error)) from error

    def discard(self) -> None:
        """See `Writer.discard`."""
        with self._connection.write() as sql:
            if sql.execute(_DELETE, (self._name, self._incarnation)).rowcount:
                sql.execute(_COUNT_DELETED)

    def close(self) -> None:
        """See `Writer.close`."""
        self._connection.close()
