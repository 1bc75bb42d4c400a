"""A member of a consumer group on the SQLite log."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from newsloom.streaming.errors import CommitFailed, LogError, LogUnavailable
from newsloom.streaming.records import Batch, Message, TopicPartition
from newsloom.streaming.sqlite.append import append
from newsloom.streaming.sqlite.connection import Connection
from newsloom.streaming.sqlite.fetch import fetch, partition_counts
from newsloom.streaming.sqlite.group import join, start_offset
from newsloom.streaming.sqlite.topics import TopicCache

_COMMIT: Final = """
    INSERT INTO committed (consumer_group, partition, next_offset) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset
"""


@dataclass(frozen=True, slots=True)
class _Token:
    """The row ids of the partitions owned at a poll: with the epoch of each, and with the first offset of each in the batch."""

    epochs: dict[int, int]
    starts: dict[int, int]


class SqliteWorker:
    """`Worker` on SQLite."""

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
        self._topics = TopicCache()
        with connection.write() as sql:
            self._partitions = self._topics.partitions(sql, topics)
            self._member = join(
                sql,
                group=group,
                instance=instance,
                topics=topics,
                now_ms=clock(),
                session_timeout_ms=session_timeout_ms,
            )
        self._ids = {partition: id_ for id_, partition in self._partitions.items()}
        self._epochs: dict[int, int] = {}
        self._positions: dict[int, int] = {}
        self._first = 0
        self._is_closed = False

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        """See `Worker.poll`. Return at once if the assignment has changed."""
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            version = self._connection.version()
            batch = self._poll_once(max_records)
            if batch.records or batch.gained or batch.lost or not self._connection.wait(version, deadline):
                return batch

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        """See `Worker.commit`."""
        token = batch.token
        if not isinstance(token, _Token):
            raise TypeError("commit takes a batch that a poll of this worker returned")
        # Without positions the next poll continues from the committed offsets, as it must after an error.
        positions, self._positions = self._positions, {}
        try:
            with self._connection.write() as sql:
                now_ms = self._clock()
                self._member.check_ownership(sql, token.epochs, now_ms)
                self._commit_offsets(sql, batch, token)
                append(sql, self._topics, messages, now_ms)
        except LogUnavailable as error:
            raise CommitFailed(str(error)) from error
        self._positions = positions

    def close(self) -> None:
        """See `Worker.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        # If it fails, the session ends by its timeout.
        with suppress(LogError), self._connection.write() as sql:
            self._member.leave(sql)
        self._connection.close()

    def _poll_once(self, max_records: int) -> Batch:
        now_ms = self._clock()
        with self._connection.read() as sql:
            needs_sync = self._member.needs_sync(sql, now_ms)
        if needs_sync:
            with self._connection.write() as sql:
                self._member.sync(sql, now_ms)
        with self._connection.read() as sql:
            epochs = self._member.owned(sql)
            kept = {id_ for id_, _ in epochs.items() & self._epochs.items()}
            starts = {
                id_: self._positions[id_] if id_ in kept and id_ in self._positions else self._committed(sql, id_)
                for id_ in epochs
            }
            owned = {id_: partition for id_, partition in self._partitions.items() if id_ in epochs}
            records, self._positions = fetch(sql, owned, starts, max_records, first=self._first)
            backlog = {owned[id_]: partition_counts(sql, id_).end - at for id_, at in self._positions.items()}
        gained, lost = self._topic_partitions(epochs.keys() - kept), self._topic_partitions(self._epochs.keys() - kept)
        self._epochs = epochs
        self._first += bool(records)
        return Batch(
            tuple(records),
            gained,
            lost,
            rebalanced=bool(gained or lost),
            backlog=backlog,
            token=_Token(epochs, starts),
        )

    def _commit_offsets(self, sql: sqlite3.Connection, batch: Batch, token: _Token) -> None:
        """Commit the offsets after the batch; raise `CommitFailed` if the batch does not follow the committed ones."""
        next_offsets = {self._ids[record.topic_partition]: record.offset + 1 for record in batch.records}
        for id_, offset in next_offsets.items():
            if token.starts[id_] != self._committed(sql, id_):
                raise CommitFailed("the batch was committed already, or an earlier one was not")
            sql.execute(_COMMIT, (self._member.group, id_, offset))

    def _committed(self, sql: sqlite3.Connection, id_: int) -> int:
        return start_offset(sql, self._member.group, id_)

    def _topic_partitions(self, ids: set[int]) -> frozenset[TopicPartition]:
        return frozenset(self._partitions[id_] for id_ in ids)
