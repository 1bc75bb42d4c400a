"""Records and messages."""

from __future__ import annotations

import pytest

from newsloom.streaming.records import Headers, Message, PartitionOffset, Record


@pytest.mark.parametrize(
    ("key", "value", "headers", "size_bytes"),
    [
        (None, None, (), 0),
        (b"key", None, (), 3),
        (b"key", b"value", (("h", b"12"), ("h", b"")), 12),
        (None, b"value", (("ü", b"1"),), 8),
    ],
)
def test_the_size_of_a_message_is_that_of_key_value_and_headers(
    key: bytes | None, value: bytes | None, headers: Headers, size_bytes: int
) -> None:
    assert Message("in", key, value, headers).size_bytes == size_bytes


def test_the_position_of_a_record_is_partition_and_offset() -> None:
    position = Record("in", 3, 17, timestamp_ms=0, key=None, value=None).position
    assert position == PartitionOffset(3, 17)
    assert str(position) == "3/17"


def test_a_header_is_the_last_one_of_its_name_with_invalid_bytes_escaped() -> None:
    record = Record("in", 0, 0, 0, None, None, headers=(("h", b"1"), ("h", b"\xff2"), ("other", b"3")))
    assert record.header("h") == "\\xff2"
    assert record.header("missing") is None
