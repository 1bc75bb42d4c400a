"""kafka-python's records as the port's."""

from __future__ import annotations

from typing import Any

from newsloom.streaming.records import Record


def to_record(record: Any) -> Record:
    """The port's record for a `ConsumerRecord`. A header without a value becomes an empty one."""
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
    )
