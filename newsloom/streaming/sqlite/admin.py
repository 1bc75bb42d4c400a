"""Administer topics and consumer groups of the SQLite log."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import TopicSpec
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.sqlite.cleanup import bring_forward
from newsloom.streaming.sqlite.clock import set_time
from newsloom.streaming.sqlite.connection import Connection
from newsloom.streaming.sqlite.fetch import next_offset, partition_counts
from newsloom.streaming.sqlite.group import committed_offset, start_offset
from newsloom.streaming.sqlite.topics import TopicCache, find_topic

_INSERT: Final = """
    INSERT INTO topics (name, partitions, policy, retention_ms, max_record_bytes, config) VALUES (?, ?, ?, ?, ?, ?)
"""
# The rule of Kafka, so that topics can be created there under the same names.
_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class SqliteAdmin:
    """`Admin` on SQLite."""

    def __init__(self, connection: Connection, clock: Callable[[], int]) -> None:
        self._connection = connection
        self._clock = clock

    def describe(self, names: Sequence[str]) -> dict[str, TopicSpec]:
        """See `Admin.describe`."""
        with self._connection.read() as sql:
            found = {name: find_topic(sql, name) for name in names}
        return {name: topic.spec for name, topic in found.items() if topic is not None}

    def create(self, specs: Sequence[TopicSpec]) -> None:
        """See `Admin.create`."""
        for spec in specs:
            _check(spec)
        with self._connection.write() as sql:
            for spec in specs:
                if find_topic(sql, spec.name) is None:
                    _create(sql, spec)

    def backlog(self, group: str, topics: Sequence[str]) -> int:
        """See `Admin.backlog`. Also counts the offsets that compaction has deleted after the first uncommitted record."""
        with self._connection.read() as sql:
            ids = TopicCache().partitions(sql, topics)
            return sum(_records_from(sql, id_, start_offset(sql, group, id_))[1] for id_ in ids)

    def start_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See `Admin.start_offsets`."""
        with self._connection.read() as sql:
            partitions = TopicCache().partitions(sql, topics)
            return {partition: _records_from(sql, id_, 0)[0] for id_, partition in partitions.items()}

    def check_rights(self, *, read: Sequence[str] = (), write: Sequence[str] = ()) -> None:
        """Do nothing: a process that can open the file has every right."""

    def confirm_clock(self) -> int | None:
        """See `Admin.confirm_clock`."""
        now_ms = self._clock()
        with self._connection.write() as sql:
            set_time(sql, now_ms)
            bring_forward(sql, now_ms)
        return now_ms

    def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See `Admin.end_offsets`."""
        with self._connection.read() as sql:
            partitions = TopicCache().partitions(sql, topics)
            return {partition: partition_counts(sql, id_).end for id_, partition in partitions.items()}

    def committed_offsets(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See `Admin.committed_offsets`."""
        with self._connection.read() as sql:
            partitions = TopicCache().partitions(sql, topics)
            found = {partition: committed_offset(sql, group, id_) for id_, partition in partitions.items()}
        return {partition: offset for partition, offset in found.items() if offset is not None}


def _records_from(sql: sqlite3.Connection, partition: int, position: int) -> tuple[int, int]:
    """Return the first offset from `position` on that is not deleted, and the number of offsets from it to the end."""
    counts = partition_counts(sql, partition)
    # Use the counts where possible, not the records: a lost first record would go unnoticed.
    first = next_offset(sql, partition, position) if counts.compacted else max(position, counts.deleted)
    first = counts.end if first is None else first
    return first, counts.end - first


def _check(spec: TopicSpec) -> None:
    if not _NAME.fullmatch(spec.name) or spec.name in {".", ".."}:
        raise ConfigurationError(
            f"topic name {spec.name!r} must have 1 to 249 characters, each one of a-z A-Z 0-9 . _ -"
        )
    if spec.partitions < 1:
        raise ConfigurationError(f"topic {spec.name} needs at least one partition, not {spec.partitions}")


def _create(sql: sqlite3.Connection, spec: TopicSpec) -> None:
    config = msgspec.json.encode(dict(spec.config))
    row = (spec.name, spec.partitions, spec.policy.value, spec.retention_ms, spec.max_record_bytes, config)
    sql.execute(_INSERT, row)
    numbers = range(spec.partitions)
    sql.executemany("INSERT INTO partitions (topic, number) VALUES (?, ?)", [(spec.name, number) for number in numbers])
