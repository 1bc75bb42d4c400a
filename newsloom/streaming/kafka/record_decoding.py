"""Decode fetched records, and name the batches that cannot be decoded. Uses private parts of kafka-python."""

from __future__ import annotations

from typing import Any, Final

from kafka.consumer.fetcher import Fetcher
from kafka.errors import KafkaError, UnsupportedCodecError
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint

_ASCII: Final = 0x80
_CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
"""The codecs by their number in a batch's attributes."""


class UnreadableBatchError(KafkaError):  # type: ignore[misc]  # kafka-python ships no types
    """A batch is damaged, or compressed with a codec that cannot be read. `offset` is its first offset that was not read."""

    def __init__(self, topic_partition: Any, offset: int, problem: str) -> None:
        topic, partition = topic_partition
        super().__init__(f"topic {topic}, partition {partition}, offset {offset}: {problem}")
        self.topic_partition = topic_partition
        self.offset = offset


class PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python ships no types
    """The fetched records of one partition; set as `PartitionRecords` on the fetcher of one consumer."""

    def __init__(self, fetch_offset: int, topic_partition: Any, records: Any, **config: Any) -> None:
        self._batches = _LenientMemoryRecords(records._buffer)
        super().__init__(fetch_offset, topic_partition, self._batches, **config)

    def take(self, n: int | None = None) -> Any:
        """Return the next `n` records; raise `UnreadableBatchError` at a batch that cannot be decoded.

        The library would keep the failed iterator, and the next poll would read nothing from it for ever.
        """
        try:
            return super().take(n)
        except Exception as error:  # a damaged batch makes the decoders raise errors of many types
            self.drain()
            problem = _describe(self._batches.current, error)
            raise UnreadableBatchError(self.topic_partition, self.next_fetch_offset, problem) from error


def _describe(batch: Any, error: Exception) -> str:
    """Return what is wrong with the batch and what to do. `batch` is None if its header could not be read."""
    number = 0 if batch is None else batch.compression_type
    codec = _CODECS[number] if number < len(_CODECS) else f"number {number}"
    if isinstance(error, UnsupportedCodecError):
        action = "install newsloom again" if number < len(_CODECS) else "upgrade newsloom"
        return (
            f"the batch is compressed with codec {codec}, which this process cannot read: {action}, "
            f"or let the producer use one of {', '.join(_CODECS)}"
        )
    cause = " ".join(str(error).split()) or type(error).__name__
    return (
        f"the batch (codec {codec}) is damaged: {cause}; elect another replica as the partition's leader "
        "(kafka-leader-election.sh), or skip the batch and lose it (kafka-consumer-groups.sh --reset-offsets)"
    )


class _LenientMemoryRecords(MemoryRecords):  # type: ignore[misc]  # kafka-python ships no types
    current: Any = None
    """The batch that `next_batch` returned last; None if it failed."""

    def next_batch(self, *args: Any, **named: Any) -> Any:
        self.current = None
        batch = super().next_batch(*args, **named)
        self.current = _LenientRecordBatch(batch._buffer) if isinstance(batch, DefaultRecordBatch) else batch
        return self.current


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
