"""A member of a consumer group on the embedded log."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.records import Batch, Message, TopicPartition
from newsloom.streaming.sqlite.append import append
from newsloom.streaming.sqlite.catalogue import Catalogue
from newsloom.streaming.sqlite.connection import Connection
from newsloom.streaming.sqlite.fetch import fetch
from newsloom.streaming.sqlite.group import join, start_offset

_COMMIT: Final = """
    INSERT INTO committed (consumer_group, partition, next_offset) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset
"""


@dataclass(frozen=True, slots=True)
class _Token:
    """What a batch rests on: the partitions owned at the poll, each with its epoch, and the positions it began at."""

    epochs: dict[int, int]
    starts: dict[int, int]


class EmbeddedWorker:
    """The port's `Worker`."""

    def __init__(
        self,
        connection: Connection,
        *,
        group: str,
        instance: str,
        topics: Sequence[str],
        clock: Callable[[], int],
        session_timeout_ms: int,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._catalogue = Catalogue()
        with connection.write() as sql:
            self._sources = self._catalogue.sources(sql, topics)
            self._membership = join(
                sql,
                group=group,
                instance=instance,
                topics=topics,
                now_ms=clock(),
                session_timeout_ms=session_timeout_ms,
            )
        self._ids = {source: id_ for id_, source in self._sources.items()}
        self._epochs: dict[int, int] = {}
        self._positions: dict[int, int] = {}
        self._turn = 0

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        """See the port. Returns at once when the assignment has changed."""
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            seen = self._connection.version()
            batch = self._look(max_records)
            if batch.records or batch.gained or batch.lost or not self._connection.wait(seen, deadline):
                return batch

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        """See the port."""
        token = batch.token
        if not isinstance(token, _Token):
            raise TypeError("commit takes a batch that this worker's poll returned")
        try:
            with self._connection.write() as sql:
                now_ms = self._clock()
                self._membership.confirm(sql, token.epochs, now_ms)
                self._advance(sql, batch, token)
                append(sql, self._catalogue, messages, now_ms)
        except LogUnavailable as error:
            self._positions = {}
            raise CommitFailed(str(error)) from error
        except BaseException:
            # Back to the committed offsets: the next poll looks them up.
            self._positions = {}
            raise

    def close(self) -> None:
        """See the port."""
        self._connection.close()

    def _look(self, max_records: int) -> Batch:
        now_ms = self._clock()
        with self._connection.read() as sql:
            needs_sync = self._membership.needs_sync(sql, now_ms)
        if needs_sync:
            with self._connection.write() as sql:
                self._membership.sync(sql, now_ms)
        with self._connection.read() as sql:
            epochs = self._membership.owned(sql)
            kept = epochs.items() & self._epochs.items()
            stay = {id_ for id_, _ in kept}
            starts = {
                id_: self._positions[id_] if id_ in stay and id_ in self._positions else self._committed(sql, id_)
                for id_ in epochs
            }
            owned = {id_: source for id_, source in self._sources.items() if id_ in epochs}
            records, self._positions = fetch(sql, owned, starts, max_records, turn=self._turn)
        gained, lost = self._names(epochs.keys() - stay), self._names(self._epochs.keys() - stay)
        self._epochs = epochs
        self._turn += bool(records)
        return Batch(tuple(records), gained, lost, token=_Token(epochs, starts))

    def _advance(self, sql: sqlite3.Connection, batch: Batch, token: _Token) -> None:
        """Store the offsets behind the batch's records, which must follow on what has been committed."""
        behind = {self._ids[record.source]: record.offset + 1 for record in batch.records}
        for id_, offset in behind.items():
            if token.starts[id_] != self._committed(sql, id_):
                raise CommitFailed("the batch has been committed already, or an earlier one has not")
            sql.execute(_COMMIT, (self._membership.group, id_, offset))

    def _committed(self, sql: sqlite3.Connection, id_: int) -> int:
        return start_offset(sql, self._membership.group, id_)

    def _names(self, ids: set[int]) -> frozenset[TopicPartition]:
        return frozenset(self._sources[id_] for id_ in ids)
