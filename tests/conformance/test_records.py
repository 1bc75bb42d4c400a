"""Records are read as they were written."""

from __future__ import annotations

import time

import pytest
from kafka.partitioner.default import murmur2

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Log, Progress
from newsloom.streaming.records import Message, TopicPartition
from tests.conformance.clients import Member, numbered, put, read_all, values
from tests.conformance.conftest import NewTopic


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"key", b"value", ()),
        (None, b"no key", ()),
        (b"no value", None, ()),
        (None, None, ()),
        (b"", b"", ()),
        (bytes(range(256)), b"\x00\xff", (("ce_id", b"1"), ("ce_id", b"2"), ("empty", b""), ("raw", b"\xff\x00"))),
    ],
)
def test_key_value_and_headers_are_read_as_written(
    log: Log, new_topic: NewTopic, key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
) -> None:
    topic = new_topic("in")
    put(log, [Message(topic, key, value, headers, timestamp_ms=1_700_000_000_123)])

    (record,) = read_all(log, topic)

    assert (record.key, record.value, record.headers) == (key, value, headers)
    assert record.timestamp_ms == 1_700_000_000_123
    assert record.topic_partition == TopicPartition(topic, 0)


def test_a_worker_and_a_reader_return_the_same_record(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    put(log, [Message(topic, b"k", b"v", (("h", b"1"),))])
    assert Member(log, unique, [topic]).take(1) == read_all(log, topic)


def test_a_message_without_a_timestamp_gets_the_time_of_writing(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in")
    put(log, [Message(topic, None, b"1"), Message(topic, None, b"2")])
    first, second = read_all(log, topic)
    assert 1_600_000_000_000 < first.timestamp_ms <= second.timestamp_ms <= time.time() * 1000 + 60_000


def test_records_of_a_partition_are_read_in_the_order_of_writing(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=2)
    for start in range(0, 30, 10):
        put(log, numbered(topic, 10, partition=0, start=start) + numbered(topic, 10, partition=1, start=100 + start))

    records = read_all(log, topic, partitions=2)

    for partition, first in ((0, 0), (1, 100)):
        mine = [record for record in records if record.partition == partition]
        assert values(mine) == [b"%d" % i for i in range(first, first + 30)]
        offsets = [record.offset for record in mine]
        assert offsets == sorted(set(offsets))


def test_the_key_determines_the_partition_as_on_kafka(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=5)
    keys = [b"", *(b"story-%d" % i for i in range(40)), "naïve schlüssel".encode()]
    put(log, [Message(topic, key, b"") for key in keys])
    assert {record.key: record.partition for record in read_all(log, topic, partitions=5)} == {
        key: (murmur2(key) & 0x7FFFFFFF) % 5 for key in keys
    }


def test_a_partition_key_determines_the_partition_in_place_of_the_key(log: Log, new_topic: NewTopic) -> None:
    of_editions, of_articles = new_topic("editions", partitions=5), new_topic("articles", partitions=5)
    editions = [f"edition-{number}".encode() for number in range(12)]
    put(log, [Message(of_editions, edition, b"") for edition in editions])
    put(log, [Message(of_articles, edition + b"/1", b"", partition_key=edition) for edition in editions])
    expected = {record.key: record.partition for record in read_all(log, of_editions, partitions=5)}
    found = {
        (record.key or b"").removesuffix(b"/1"): record.partition for record in read_all(log, of_articles, partitions=5)
    }
    assert found == expected
    assert len(set(found.values())) > 1


def test_a_given_partition_overrides_the_key(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=3)
    put(log, [Message(topic, b"same", b"%d" % i, partition=i) for i in range(3)])
    assert {record.partition: record.value for record in read_all(log, topic, partitions=3)} == {
        0: b"0",
        1: b"1",
        2: b"2",
    }


def test_messages_without_a_key_all_arrive(log: Log, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=3)
    put(log, [Message(topic, None, b"%d" % i) for i in range(20)])
    assert sorted(int(r.value or b"") for r in read_all(log, topic, partitions=3)) == list(range(20))


@pytest.mark.parametrize("fault", ["missing topic", "missing partition", "too large", "no key in a compacted topic"])
def test_an_invalid_message_is_named_and_nothing_is_written(
    log: Log, new_topic: NewTopic, unique: str, fault: str
) -> None:
    good = new_topic("good")
    small = new_topic("small", max_record_bytes=2_000)
    compacted = new_topic("compacted", policy=CleanupPolicy.COMPACT)
    bad = {
        "missing topic": Message(f"{unique}.missing", b"k", b"v"),
        "missing partition": Message(good, b"k", b"v", partition=7),
        "too large": Message(small, b"k", bytes(i * 97 % 251 for i in range(20_000))),
        "no key in a compacted topic": Message(compacted, None, b"v"),
    }[fault]
    writer = log.writer(unique)

    with pytest.raises(ConfigurationError, match=bad.topic):
        writer.write([Message(good, b"k", b"v"), bad], Progress(1))

    assert writer.progress() is None
    assert read_all(log, good) == []


def test_a_commit_with_an_invalid_message_names_it_and_commits_nothing(
    log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic, out = new_topic("in"), new_topic("out")
    put(log, numbered(topic, 2))
    member = Member(log, unique, [topic])
    batch = member.batch()

    with pytest.raises(ConfigurationError, match=rf"{unique}\.missing"):
        member.worker.commit(batch, [Message(out, b"k", b"v"), Message(f"{unique}.missing", b"k", b"v")])

    assert read_all(log, out) == []
    assert log.admin().backlog(unique, [topic]) > 0
