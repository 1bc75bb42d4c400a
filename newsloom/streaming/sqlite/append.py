"""Append messages to partitions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy
from newsloom.streaming.partitioning import partition_of
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite.cleanup import clean_up, track_key
from newsloom.streaming.sqlite.clock import advance
from newsloom.streaming.sqlite.corruption import checksum
from newsloom.streaming.sqlite.fetch import partition_counts
from newsloom.streaming.sqlite.schema import row_id
from newsloom.streaming.sqlite.topics import Topic, TopicCache

_INSERT: Final = "INSERT INTO records (place, timestamp_ms, key, headers, value, checksum) VALUES (?, ?, ?, ?, ?, ?)"
_SET_END: Final = "UPDATE partitions SET written = ? WHERE id = ?"


def append(sql: sqlite3.Connection, topics: TopicCache, messages: Sequence[Message], now_ms: int) -> None:
    """Append the messages, in this order within each partition, and run a bounded part of the cleanup.

    Raises:
        ConfigurationError: a message names a missing topic or partition, or breaks a rule of its topic.
        ClockRefused: `now_ms` is far ahead of the log's time.

    """
    log_ms = advance(sql, now_ms)
    ends: dict[int, int] = {}
    rows = []
    for message in messages:
        topic = topics.topic(sql, message.topic)
        _check(message, topic)
        partition = _partition(sql, message, topic, ends)
        offset = _end(sql, partition, ends)
        ends[partition] = offset + 1
        id_ = row_id(partition, offset)
        timestamp_ms = now_ms if message.timestamp_ms is None else message.timestamp_ms
        headers = msgspec.msgpack.encode(message.headers) if message.headers else None
        row = (id_, timestamp_ms, message.key, headers, message.value)
        rows.append((*row, checksum(*row)))
        if topic.spec.policy is CleanupPolicy.COMPACT and message.key is not None:
            track_key(sql, partition, message.key, id_, log_ms, tombstone=message.value is None)
    sql.executemany(_INSERT, rows)
    sql.executemany(_SET_END, [(end, partition) for partition, end in ends.items()])
    clean_up(sql, now_ms, written=len(rows))


def _check(message: Message, topic: Topic) -> None:
    spec = topic.spec
    if message.size_bytes > spec.max_record_bytes:
        raise ConfigurationError(
            f"a record of {message.size_bytes} bytes is larger than topic {spec.name} allows: {spec.max_record_bytes} bytes"
        )
    if message.key is None and spec.policy is CleanupPolicy.COMPACT:
        raise ConfigurationError(f"topic {spec.name} is compacted: a record without a key cannot be written to it")


def _partition(sql: sqlite3.Connection, message: Message, topic: Topic, ends: dict[int, int]) -> int:
    """Return the row id of the partition: the requested one, the one of a key, or the next in round-robin order."""
    ids = topic.partition_ids
    if message.partition is not None:
        return topic.partition_id(message.partition)
    if len(ids) == 1:
        return ids[0]
    key = message.key if message.partition_key is None else message.partition_key
    if key is not None:
        return ids[partition_of(key, len(ids))]
    return ids[sum(_end(sql, id_, ends) for id_ in ids) % len(ids)]


def _end(sql: sqlite3.Connection, partition: int, ends: dict[int, int]) -> int:
    if partition not in ends:
        ends[partition] = partition_counts(sql, partition).end
    return ends[partition]
