"""Readers: reading without a consumer group."""

from __future__ import annotations

import pytest

from newsloom.streaming.errors import ConfigurationError, Fenced
from newsloom.streaming.log import CleanupPolicy, Log, Progress
from newsloom.streaming.records import Message, TopicPartition
from tests.conformance.clients import STEP_MS, Member, numbered, partitions_of, put, read_to_end, steps, values
from tests.conformance.conftest import NewTopic
from tests.conformance.harness import LogHarness


def test_an_empty_partition_is_at_its_end_at_once(log: Log, new_topic: NewTopic) -> None:
    reader = log.reader(partitions_of(new_topic("in"), 1), start="earliest")
    assert reader.at_end()
    assert reader.fraction_read() == 1.0
    assert reader.poll(max_records=10, timeout_ms=STEP_MS) == []


def test_the_end_is_that_at_the_opening_of_the_reader(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 5))
    reader = log.reader(partitions_of(topic, 1), start="earliest")
    put(log, numbered(topic, 5, start=5))

    assert not reader.at_end()
    read = values(read_to_end(reader))
    assert read[:5] == [b"%d" % i for i in range(5)]

    for _ in steps("the records behind the end"):
        if len(read) == 10:
            break
        read += values(reader.poll(max_records=10, timeout_ms=STEP_MS))
    assert read == [b"%d" % i for i in range(10)]
    assert reader.at_end()


def test_the_fraction_grows_from_0_to_1(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=2)
    put(log, numbered(topic, 10, partition=0) + numbered(topic, 30, partition=1))
    reader = log.reader(partitions_of(topic, 2), start="earliest")
    fractions = [reader.fraction_read()]
    for _ in steps("the reader's end"):
        if reader.at_end():
            break
        reader.poll(max_records=7, timeout_ms=STEP_MS)
        fractions.append(reader.fraction_read())
    assert fractions[0] == 0.0
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 3
    assert fractions[-1] == 1.0


def test_a_reader_from_the_latest_returns_only_new_records(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 3))
    reader = log.reader(partitions_of(topic, 1), start="latest")
    assert reader.at_end()
    assert reader.fraction_read() == 1.0
    put(log, numbered(topic, 2, start=3))
    read: list[bytes | None] = []
    for _ in steps("the new records"):
        read += values(reader.poll(max_records=10, timeout_ms=STEP_MS))
        if len(read) >= 2:
            break
    assert read == [b"3", b"4"]


def test_a_reader_returns_no_more_than_max_records(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=3)
    put(log, [message for number in range(3) for message in numbered(topic, 10, partition=number)])
    reader = log.reader(partitions_of(topic, 3), start="earliest")
    total = 0
    for _ in steps("the reader's end"):
        if reader.at_end():
            break
        records = reader.poll(max_records=2, timeout_ms=STEP_MS)
        assert len(records) <= 2
        total += len(records)
    assert total == 30


def test_only_the_given_partitions_are_read(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=3)
    put(log, [message for number in range(3) for message in numbered(topic, 2, partition=number)])
    reader = log.reader([TopicPartition(topic, 1)], start="earliest")
    assert {record.partition for record in read_to_end(reader)} == {1}


def test_a_reader_reaches_its_end_after_failed_transactions(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 2))
    older = log.writer(unique)
    newer = harness.open().writer(unique)
    with pytest.raises(Fenced):
        older.write([Message(topic, b"k", b"refused")], Progress(1))
    newer.write([Message(topic, b"k", b"2")], Progress(1))

    assert values(read_to_end(log.reader(partitions_of(topic, 1), start="earliest"))) == [b"0", b"1", b"2"]


def test_a_compacted_topic_has_the_last_value_of_each_key(log: Log, new_topic: NewTopic, unique: str) -> None:
    source, state = new_topic("in"), new_topic("state", policy=CleanupPolicy.COMPACT)
    put(log, [Message(source, b"k%d" % (i % 3), b"%d" % i) for i in range(12)] + [Message(source, b"k1", None)])
    Member(log, unique, [source]).take(13, lambda record: [Message(state, record.key, record.value)])

    latest = {r.key: r.value for r in read_to_end(log.reader(partitions_of(state, 1), start="earliest"))}

    assert {key: value for key, value in latest.items() if value is not None} == {b"k0": b"9", b"k2": b"11"}
    assert latest.get(b"k1") is None


@pytest.mark.parametrize("partition", [TopicPartition("missing", 0), TopicPartition("in", 9)])
def test_a_missing_partition_is_named(log: Log, new_topic: NewTopic, unique: str, partition: TopicPartition) -> None:
    new_topic("in")
    wanted = TopicPartition(f"{unique}.{partition.topic}", partition.partition)
    with pytest.raises(ConfigurationError, match=wanted.topic):
        log.reader([wanted], start="earliest")


def test_a_reader_starts_at_the_given_offsets(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=2)
    put(log, numbered(topic, 4, partition=0) + numbered(topic, 2, start=4, partition=1))
    everything = read_to_end(log.reader(partitions_of(topic, 2), start="earliest"))
    third = next(record for record in everything if record.value == b"2")

    start = {TopicPartition(topic, 0): third.offset, TopicPartition(topic, 1): 0}
    reader = log.reader(partitions_of(topic, 2), start=start)

    assert sorted(value or b"" for value in values(read_to_end(reader))) == [b"2", b"3", b"4", b"5"]
    assert reader.at_end()
    assert reader.fraction_read() == 1.0


def test_a_reader_starts_in_the_middle_of_a_compacted_topic(log: Log, new_topic: NewTopic, unique: str) -> None:
    source, state = new_topic("in"), new_topic("state", policy=CleanupPolicy.COMPACT)
    put(log, [Message(source, b"k%d" % (i % 3), b"%d" % i) for i in range(12)])
    Member(log, unique, [source]).take(12, lambda record: [Message(state, record.key, record.value)])
    everything = read_to_end(log.reader(partitions_of(state, 1), start="earliest"))

    start = {TopicPartition(state, 0): everything[-2].offset}
    assert values(read_to_end(log.reader(partitions_of(state, 1), start=start))) == values(everything[-2:])


def test_an_offset_behind_the_end_is_an_error(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 2))
    with pytest.raises(ConfigurationError, match=r"ends at offset \d+, before 99"):
        log.reader(partitions_of(topic, 1), start={TopicPartition(topic, 0): 99})
