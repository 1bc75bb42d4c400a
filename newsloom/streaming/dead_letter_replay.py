"""Replay dead letters: write the original records to their topics again, each one once.

A replayed dead letter has a marker: a record without a value in the same partition, with a header that has the offset of the
letter. The original and the marker are written in one transaction, by a writer that fences every other replay. So any dead
letters can be replayed, in any order and by several processes, and the others remain unreplayed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from newsloom.streaming.batching import batches
from newsloom.streaming.dead_letters import REASON, original_message
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log, Progress, TopicSpec, Writer
from newsloom.streaming.records import Message, PartitionOffset, Record
from newsloom.streaming.scan import read_topic

REPLAYED_OFFSET: Final = "dead-letter-replayed"
"""Header of a marker: the offset of the replayed dead letter."""


@dataclass(frozen=True, slots=True)
class DeadLetterRecord:
    """A record of the dead-letter topic, and whether it was replayed."""

    record: Record
    replayed: bool


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The number of replayed records by topic, and the dead letters without headers that say where they came from."""

    sent: Counter[str] = field(default_factory=Counter)
    without_origin: list[PartitionOffset] = field(default_factory=list)


def read_dead_letters(log: Log, topic: str) -> Iterator[DeadLetterRecord]:
    """Yield every dead letter of the topic, in offset order within each partition; raise `LogError` as `read_topic` does."""
    replayed = {position for record in read_topic(log, topic) if (position := _replayed_position(record)) is not None}
    for record in read_topic(log, topic):
        if _replayed_position(record) is None:
            yield DeadLetterRecord(record, record.position in replayed)


def replay(
    log: Log, topic: str, *, writer_name: str, wanted: Callable[[DeadLetterRecord], bool], now_ms: int
) -> ReplayResult:
    """Replay the `wanted` dead letters that were not replayed yet, in batches of one transaction each.

    A record keeps its timestamp. If at `now_ms` it is older than half the retention of its topic, it gets the time of writing:
    else the topic might delete it before a service reads it.

    Raises:
        ConfigurationError: a topic does not exist.
        CommitFailed: a batch was not written, or its outcome is unknown. Replay again: no record is written twice.
        Fenced: another replay has begun.

    """
    # First, to fence other replays: then no marker is added while the dead letters are read.
    writer = log.writer(writer_name)
    result = ReplayResult()
    try:
        selected = (letter for letter in read_dead_letters(log, topic) if not letter.replayed and wanted(letter))
        for batch in batches(_originals(selected, result), lambda pair: len(pair[1].value or b"")):
            _write(log, writer, batch, now_ms)
            result.sent.update(message.topic for _, message in batch)
    finally:
        writer.close()
    return result


_Pair = tuple[Record, Message]
"""A dead letter and its original record."""


def _originals(letters: Iterator[DeadLetterRecord], result: ReplayResult) -> Iterator[_Pair]:
    for letter in letters:
        try:
            yield letter.record, original_message(letter.record)
        except ValueError:
            result.without_origin.append(letter.record.position)


def _write(log: Log, writer: Writer, batch: list[_Pair], now_ms: int) -> None:
    targets = sorted({message.topic for _, message in batch})
    log.admin().check_rights(write=targets)
    found = log.admin().describe(targets)
    if missing := [target for target in targets if target not in found]:
        raise ConfigurationError(f"topic {missing[0]}, from which dead letters came, does not exist: create it")
    originals = [_with_lasting_timestamp(message, found[message.topic], now_ms) for _, message in batch]
    before = writer.progress()
    progress = Progress((before.position if before else 0) + len(batch))
    # Markers first: on Kafka the progress is stored with the first message, and reading it takes the right to read its topic.
    writer.write([*(_marker(letter) for letter, _ in batch), *originals], progress)


def _with_lasting_timestamp(message: Message, topic: TopicSpec, now_ms: int) -> Message:
    timestamp_ms, retention_ms = message.timestamp_ms, topic.retention_ms
    if timestamp_ms is None or retention_ms is None or now_ms - timestamp_ms < retention_ms // 2:
        return message
    return replace(message, timestamp_ms=None)


def _marker(letter: Record) -> Message:
    # In the partition of the letter, where it is younger: retention never deletes the marker before the letter.
    headers = ((REPLAYED_OFFSET, str(letter.offset).encode()),)
    return Message(topic=letter.topic, key=letter.key, value=None, headers=headers, partition=letter.partition)


def _replayed_position(record: Record) -> PartitionOffset | None:
    """Return the position of the dead letter whose marker the record is, or None if it is not a marker."""
    offset = record.header(REPLAYED_OFFSET)
    # A record with a reason is a dead letter, even if its producer used the header of a marker.
    if offset is None or record.header(REASON) is not None:
        return None
    return PartitionOffset(record.partition, int(offset))
