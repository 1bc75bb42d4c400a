"""Look up topics by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from newsloom.streaming.errors import ConfigurationError, missing_topic
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.sqlite.corruption import Corruption

_SPEC: Final = "SELECT name, partitions, policy, retention_ms, max_record_bytes, config FROM topics WHERE name = ?"
# NOT INDEXED: rows of the table are checked for corruption, entries of the index are not.
_PARTITIONS: Final = "SELECT id, number FROM partitions NOT INDEXED WHERE topic = ? ORDER BY number"
_Row = tuple[str, int, CleanupPolicy, int | None, int, bytes]


@dataclass(frozen=True)
class Topic:
    """A topic and the row ids of its partitions, in the order of their numbers."""

    spec: TopicSpec
    partition_ids: tuple[int, ...]

    def partition_id(self, number: int) -> int:
        """Return the row id of a partition; raise `ConfigurationError` if it does not exist."""
        if not 0 <= number < self.spec.partitions:
            raise ConfigurationError(
                f"topic {self.spec.name} has no partition {number}: it has {self.spec.partitions} partitions"
            )
        return self.partition_ids[number]

    @cached_property
    def partitions(self) -> dict[int, TopicPartition]:
        """The partitions by row id, in the order of their numbers."""
        return {id_: TopicPartition(self.spec.name, number) for number, id_ in enumerate(self.partition_ids)}


class TopicCache:
    """The topics that one connection has looked up. A topic never changes after its creation."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    def topic(self, sql: sqlite3.Connection, name: str) -> Topic:
        """Return the topic of that name.

        Raises:
            ConfigurationError: it does not exist.

        """
        topic = self._topics.get(name) or find_topic(sql, name)
        if topic is None:
            raise missing_topic(name)
        self._topics[name] = topic
        return topic

    def partitions(self, sql: sqlite3.Connection, names: Iterable[str]) -> dict[int, TopicPartition]:
        """Return all partitions of these topics by row id, in the order of topic and number; raise as `topic` does."""
        topics = [self.topic(sql, name) for name in sorted(set(names))]
        return {id_: partition for topic in topics for id_, partition in topic.partitions.items()}


def find_topic(sql: sqlite3.Connection, name: str) -> Topic | None:
    """Return the topic of that name from the database, or None; raise `Corruption` if it is incomplete."""
    row = sql.execute(_SPEC, (name,)).fetchone()
    found = sql.execute(_PARTITIONS, (name,)).fetchall()
    if row is None and not found:
        return None
    if row is None or [number for _, number in found] != list(range(row[1])):
        raise Corruption(f"topic {name} has {len(found)} partitions, but {row[1] if row else 'no'} are declared")
    _, partitions, policy, retention_ms, max_record_bytes, config = msgspec.convert(row, _Row)
    spec = TopicSpec(
        name=name,
        partitions=partitions,
        policy=policy,
        retention_ms=retention_ms,
        max_record_bytes=max_record_bytes,
        config=msgspec.json.decode(config, type=dict[str, str]),
    )
    return Topic(spec, tuple(id_ for id_, _ in found))
