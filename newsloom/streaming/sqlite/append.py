"""Writing messages at the ends of their partitions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy
from newsloom.streaming.partitioning import partition_of
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite.catalogue import Catalogue, Topic
from newsloom.streaming.sqlite.cleanup import clean, note_keyed
from newsloom.streaming.sqlite.damage import checksum
from newsloom.streaming.sqlite.fetch import extent
from newsloom.streaming.sqlite.schema import place

_INSERT: Final = "INSERT INTO records (place, timestamp_ms, key, headers, value, checksum) VALUES (?, ?, ?, ?, ?, ?)"
_SET_END: Final = "UPDATE partitions SET written = ? WHERE id = ?"


def append(sql: sqlite3.Connection, catalogue: Catalogue, messages: Sequence[Message], now_ms: int) -> None:
    """Write the messages, in this order within each partition, and clean up a little behind them.

    Raises:
        ConfigurationError: a message fits no topic or partition, or not its topic's rules; the message says which.

    """
    ends: dict[int, int] = {}
    rows = []
    for message in messages:
        topic = catalogue.topic(sql, message.topic)
        _check(message, topic)
        partition = _partition(sql, message, topic, ends)
        offset = _end(sql, partition, ends)
        ends[partition] = offset + 1
        at = place(partition, offset)
        timestamp_ms = now_ms if message.timestamp_ms is None else message.timestamp_ms
        headers = msgspec.msgpack.encode(message.headers) if message.headers else None
        row = (at, timestamp_ms, message.key, headers, message.value)
        rows.append((*row, checksum(*row)))
        if topic.spec.policy is CleanupPolicy.COMPACT and message.key is not None:
            note_keyed(sql, partition, message.key, at, now_ms, tombstone=message.value is None)
    sql.executemany(_INSERT, rows)
    sql.executemany(_SET_END, [(end, partition) for partition, end in ends.items()])
    clean(sql, now_ms, written=len(rows))


def _check(message: Message, topic: Topic) -> None:
    spec = topic.spec
    if message.size_bytes > spec.max_record_bytes:
        raise ConfigurationError(
            f"a record of {message.size_bytes} bytes is over the {spec.max_record_bytes} that topic {spec.name} takes"
        )
    if message.key is None and spec.policy is CleanupPolicy.COMPACT:
        raise ConfigurationError(f"a record without a key cannot stand in topic {spec.name}, which is compacted")
    if message.partition is not None and not 0 <= message.partition < spec.partitions:
        raise ConfigurationError(f"topic {spec.name} has no partition {message.partition}, only {spec.partitions}")


def _partition(sql: sqlite3.Connection, message: Message, topic: Topic, ends: dict[int, int]) -> int:
    """The id of the partition: the one asked for, the key's, or by turns."""
    ids = topic.partition_ids
    if message.partition is not None:
        return ids[message.partition]
    if len(ids) == 1:
        return ids[0]
    if message.key is not None:
        return ids[partition_of(message.key, len(ids))]
    return ids[sum(_end(sql, id_, ends) for id_ in ids) % len(ids)]


def _end(sql: sqlite3.Connection, partition: int, ends: dict[int, int]) -> int:
    if partition not in ends:
        ends[partition] = extent(sql, partition).end
    return ends[partition]
