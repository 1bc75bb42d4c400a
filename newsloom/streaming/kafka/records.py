"""Convert kafka-python's records to those of the log port."""

from __future__ import annotations

from typing import Any

from newsloom.streaming.records import Record


def to_record(record: Any) -> Record:
    """Convert a `ConsumerRecord`. A null header value becomes empty bytes."""
    return Record(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
    )
