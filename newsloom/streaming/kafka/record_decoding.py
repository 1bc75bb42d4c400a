"""Decode records whose header names are not UTF-8. Uses private parts of kafka-python."""

from __future__ import annotations

from typing import Any, Final

from kafka.consumer.fetcher import Fetcher
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

_ASCII: Final = 0x80


class LenientPartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python ships no types
    """The fetched records of one partition; set as `PartitionRecords` on the fetcher of one consumer."""

    def __init__(self, fetch_offset: int, source: Any, records: Any, **config: Any) -> None:
        super().__init__(fetch_offset, source, _LenientMemoryRecords(records._buffer), **config)


class _LenientMemoryRecords(MemoryRecords):  # type: ignore[misc]  # kafka-python ships no types
    def next_batch(self, *args: Any, **named: Any) -> Any:
        batch = super().next_batch(*args, **named)
        return _LenientRecordBatch(batch._buffer) if isinstance(batch, DefaultRecordBatch) else batch


class _LenientRecordBatch(DefaultRecordBatch):  # type: ignore[misc]  # kafka-python ships no types
    """A batch that replaces the non-ASCII bytes of an invalid header name by question marks.

    Kafka defines header names as UTF-8, but no broker checks it and some clients write other bytes. The library calls
    such a record corrupt at every poll, so the consumer never gets past it.
    """

    def _read_msg(self, *args: Any, **named: Any) -> Any:
        try:
            return super()._read_msg(*args, **named)
        except UnicodeDecodeError:
            _replace_invalid_names(self._buffer, self._pos)
            return super()._read_msg(*args, **named)


def _replace_invalid_names(buffer: bytearray, at: int) -> None:
    """Make the invalid header names of the record at index `at` ASCII, in place and of the same length."""
    # Source: Kafka's message format, record version 2: length, attributes, timestamp, offset, key, value, headers.
    for _ in range(4):
        _, at = decode_varint(buffer, at)
    for _ in range(2):
        at = _skip_bytes(buffer, at)
    headers, at = decode_varint(buffer, at)
    for _ in range(headers):
        length, at = decode_varint(buffer, at)
        name = buffer[at : at + length]
        try:
            name.decode()
        except UnicodeDecodeError:
            buffer[at : at + length] = bytes(byte if byte < _ASCII else ord("?") for byte in name)
        at = _skip_bytes(buffer, at + length)


def _skip_bytes(buffer: bytearray, at: int) -> int:
    """Return the index after a length-prefixed byte string; a length of -1 means null."""
    length, at = decode_varint(buffer, at)
    end: int = at + max(0, length)
    return end
