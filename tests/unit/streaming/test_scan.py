"""Topics read from their first record to their end."""

from __future__ import annotations

from newsloom.streaming.records import Record
from newsloom.streaming.scan import latest_by_key


def record(offset: int, key: bytes, value: bytes | None, partition: int = 0) -> Record:
    return Record("stories", partition, offset, timestamp_ms=0, key=key, value=value)


def test_the_last_record_of_each_key_is_the_latest_in_offset_order() -> None:
    records = [record(0, b"a", b"old"), record(1, b"b", b"only"), record(2, b"a", b"new")]
    assert latest_by_key(records) == [records[1], records[2]]


def test_a_key_whose_last_record_is_a_tombstone_is_left_out() -> None:
    records = [record(0, b"a", b"old"), record(1, b"b", b"old"), record(2, b"a", None), record(3, b"b", None)]
    records.append(record(4, b"b", b"back"))
    assert latest_by_key(records) == [records[4]]


def test_partitions_are_compacted_apart() -> None:
    records = [record(0, b"a", b"one", partition=1), record(0, b"a", b"two"), record(1, b"a", None, partition=2)]
    assert latest_by_key(records) == [records[1], records[0]]
