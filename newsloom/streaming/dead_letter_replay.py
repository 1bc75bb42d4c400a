"""Sending dead letters back to where they came from, each one once.

A letter is waiting until a marker says that it was replayed: a record without a value, beside the letter in its partition,
whose header names the letter's offset. Original and marker are written in one transaction, by a writer that fences every
other replay. So any choice of letters can be replayed, in any order, by anybody, and the rest goes on waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from newsloom.streaming.dead_letters import REASON, original
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log, Progress, TopicSpec, Writer
from newsloom.streaming.records import Message, Record
from newsloom.streaming.scan import read_topic

REPLAYED: Final = "dead-letter-replayed"
"""Header of a marker: the offset of the letter that was replayed."""

BATCH_LETTERS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 4_194_304

Place = tuple[int, int]
"""Partition and offset."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it stands in the log, and whether it was sent back already."""

    record: Record
    replayed: bool

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.record.partition, self.record.offset


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to: how many letters went to which topic, and those that name no origin."""

    sent: Counter[str] = field(default_factory=Counter)
    homeless: list[Place] = field(default_factory=list)


def letters(log: Log, topic: str) -> Iterator[Letter]:
    """Every letter of the dead-letter `topic`, in offset order within each partition; raises `LogError`."""
    replayed = {place for record in read_topic(log, topic) if (place := _marked(record)) is not None}
    for record in read_topic(log, topic):
        if _marked(record) is None:
            yield Letter(record, (record.partition, record.offset) in replayed)


def replay(log: Log, topic: str, *, writer_name: str, wanted: Callable[[Letter], bool], now_ms: int) -> Replayed:
    """Send the waiting letters that are `wanted` back to the topics they came from, in batches, each in one transaction.

    They keep their timestamps, except those that have already lived for half of their topic's retention at `now_ms`: these get
    the time of writing, or the topic might forget them before anybody has read them.

    Raises:
        ConfigurationError: a topic does not exist.
        CommitFailed: a batch did not go through, or nobody can say; replay again, nothing will be sent twice.
        Fenced: another replay has begun.

    """
    # First of all: from here on no other replay can commit, so what is read below stays true.
    writer = log.writer(writer_name)
    outcome = Replayed()
    try:
        waiting = (letter for letter in letters(log, topic) if not letter.replayed and wanted(letter))
        for batch in _batches(_originals(waiting, outcome)):
            _write(log, writer, batch, now_ms)
            outcome.sent.update(message.topic for _, message in batch)
    finally:
        writer.close()
    return outcome


_Pair = tuple[Record, Message]
"""A letter and its original."""


def _originals(waiting: Iterator[Letter], outcome: Replayed) -> Iterator[_Pair]:
    for letter in waiting:
        try:
            yield letter.record, original(letter.record)
        except ValueError:
            outcome.homeless.append(letter.place)


def _batches(pairs: Iterator[_Pair]) -> Iterator[list[_Pair]]:
    batch: list[_Pair] = []
    size_bytes = 0
    for letter, message in pairs:
        batch.append((letter, message))
        size_bytes += len(message.value or b"")
        if len(batch) >= BATCH_LETTERS_MAX or size_bytes >= BATCH_BYTES_MAX:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _write(log: Log, writer: Writer, batch: list[_Pair], now_ms: int) -> None:
    targets = sorted({message.topic for _, message in batch})
    log.admin().check_rights(write=targets)
    found = log.admin().describe(targets)
    for target in targets:
        if target not in found:
            raise ConfigurationError(f"topic {target}, where dead letters came from, does not exist: create it")
    originals = [_lasting(message, found[message.topic], now_ms) for _, message in batch]
    before = writer.progress()
    progress = Progress((before.position if before else 0) + len(batch))
    # Markers first: on Kafka the place is kept beside the first message, and takes the right to read that topic.
    writer.write([*(_marker(letter) for letter, _ in batch), *originals], progress)


def _lasting(message: Message, topic: TopicSpec, now_ms: int) -> Message:
    timestamp_ms, retention_ms = message.timestamp_ms, topic.retention_ms
    if timestamp_ms is None or retention_ms is None or now_ms - timestamp_ms < retention_ms // 2:
        return message
    return replace(message, timestamp_ms=None)


def _marker(letter: Record) -> Message:
    # In the letter's own partition: there it is younger, so that retention never takes the marker before the letter.
    headers = ((REPLAYED, str(letter.offset).encode()),)
    return Message(topic=letter.topic, key=letter.key, value=None, headers=headers, partition=letter.partition)


def _marked(record: Record) -> Place | None:
    offset = record.header(REPLAYED)
    # A letter always has a reason: one whose producer happened to use our header is still a letter.
    if offset is None or record.header(REASON) is not None:
        return None
    return record.partition, int(offset)
