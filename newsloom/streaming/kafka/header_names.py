"""Reading records whose header names are no text. Of the library's private parts, those that this needs are used here."""

from __future__ import annotations

from typing import Any, Final

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

_ASCII: Final = 0x80


class ReadableRecordBatch(DefaultRecordBatch):  # type: ignore[misc]  # kafka-python ships no types
    """A batch all of whose records can be read.

    A header's name is UTF-8 by agreement only: no broker looks, and some clients write any bytes. The library calls such a
    record corrupt, at every poll anew, and nobody gets past it. Here each byte of such a name that is not ASCII is
    read as a question mark, and everything else of the record as it is.
    """

    def _read_msg(self, *args: Any, **named: Any) -> Any:
        try:
            return super()._read_msg(*args, **named)
        except UnicodeDecodeError:
            _mend_names(self._buffer, self._pos)
            return super()._read_msg(*args, **named)


def install() -> None:
    """Let every consumer of this process read batches so."""
    memory_records.DefaultRecordBatch = ReadableRecordBatch


def _mend_names(buffer: bytearray, at: int) -> None:
    """Make the names of the headers ASCII, in the record that stands at `at`, where they are not UTF-8; their lengths stay."""
    # Source: Kafka's message format, record version 2: length, attributes, timestamp, offset, key, value, headers.
    for _ in range(4):
        _, at = decode_varint(buffer, at)
    for _ in range(2):
        at = _behind_bytes(buffer, at)
    headers, at = decode_varint(buffer, at)
    for _ in range(headers):
        length, at = decode_varint(buffer, at)
        name = buffer[at : at + length]
        try:
            name.decode()
        except UnicodeDecodeError:
            buffer[at : at + length] = bytes(byte if byte < _ASCII else ord("?") for byte in name)
        at = _behind_bytes(buffer, at + length)


def _behind_bytes(buffer: bytearray, at: int) -> int:
    length, at = decode_varint(buffer, at)
    end: int = at + max(0, length)
    return end
