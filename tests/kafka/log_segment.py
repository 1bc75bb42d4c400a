"""Read and change the batches in a broker's file, which the broker sends to its readers without a look at them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import crc32c

# Source: Kafka's message format, record batch version 2.
_LENGTH, _CRC, _ATTRIBUTES = 8, 17, 21
_HEADER_SIZE: Final = 61
_LOG_OVERHEAD: Final = 12
_CODEC_MASK: Final = 0x07
_CONTROL_MASK: Final = 0x20


@dataclass(frozen=True, slots=True)
class SegmentBatch:
    """A batch of records and its index in the file."""

    at: int
    content: bytearray

    @property
    def codec(self) -> int:
        """The number of the codec."""
        return self._attributes() & _CODEC_MASK

    @property
    def is_control(self) -> bool:
        """Whether the batch is a transaction marker."""
        return bool(self._attributes() & _CONTROL_MASK)

    def _attributes(self) -> int:
        return int(struct.unpack_from(">h", self.content, _ATTRIBUTES)[0])


Change = Callable[[bytearray], None]
"""Changes the bytes of a batch."""


def flip_a_bit(batch: bytearray) -> None:
    """Change the records, as a bad disk does: the checksum is wrong."""
    batch[_HEADER_SIZE + 2] ^= 1


def set_codec(number: int) -> Change:
    """Return a change of the codec's number alone, with a correct checksum."""

    def change(batch: bytearray) -> None:
        batch[_ATTRIBUTES + 1] = batch[_ATTRIBUTES + 1] & ~_CODEC_MASK | number
        _set_checksum(batch)

    return change


def change_record_length(batch: bytearray) -> None:
    """Claim another length of the first record, with a correct checksum."""
    batch[_HEADER_SIZE] ^= 1 << 1
    _set_checksum(batch)


def data_batches(segment: Path) -> list[SegmentBatch]:
    """Return the batches with records, without transaction markers."""
    return [batch for batch in _batches(segment.read_bytes()) if not batch.is_control]


def change_batch(segment: Path, number: int, change: Change) -> None:
    """Change the batch with this number (from 0, without transaction markers) in place."""
    batch = data_batches(segment)[number]
    change(batch.content)
    with segment.open("r+b") as file:
        file.seek(batch.at)
        file.write(batch.content)


def _batches(content: bytes) -> Iterator[SegmentBatch]:
    at = 0
    while at + _HEADER_SIZE <= len(content):
        (length,) = struct.unpack_from(">i", content, at + _LENGTH)
        end = at + _LOG_OVERHEAD + length
        yield SegmentBatch(at, bytearray(content[at:end]))
        at = end


def _set_checksum(batch: bytearray) -> None:
    struct.pack_into(">I", batch, _CRC, crc32c.crc32c(bytes(batch[_ATTRIBUTES:])))
