"""The start of a reader from `latest` while transactions are open."""

from __future__ import annotations

import uuid

import pytest

from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.log import CleanupPolicy, Log, Reader, TopicSpec
from newsloom.streaming.records import Message
from tests.conformance.clients import STEP_MS, partitions_of, put, steps, values
from tests.kafka.harness import NewLog

pytestmark = pytest.mark.kafka

PARTITIONS = 60
"""With so many, a transaction's markers are written well after its commit has returned."""


def new_topic(log: Log, partitions: int) -> str:
    topic = f"latest-{uuid.uuid4().hex[:8]}"
    log.admin().create([TopicSpec(topic, partitions, CleanupPolicy.DELETE)])
    return topic


def one_per_partition(topic: str, value: bytes) -> list[Message]:
    return [Message(topic, b"k", value, partition=number) for number in range(PARTITIONS)]


def read(reader: Reader, count: int) -> list[bytes | None]:
    found: list[bytes | None] = []
    for _ in steps(f"{count} records"):
        found += values(reader.poll(max_records=100, timeout_ms=STEP_MS))
        if len(found) >= count:
            return found
    raise AssertionError


def test_records_committed_before_the_opening_are_skipped_even_if_their_markers_follow(new_log: NewLog) -> None:
    log = new_log()
    topic = new_topic(log, PARTITIONS)
    for run in range(5):
        put(log, one_per_partition(topic, b"before %d" % run))
        reader = log.reader(partitions_of(topic, PARTITIONS), start="latest")
        assert reader.at_end()
        put(log, one_per_partition(topic, b"after %d" % run))
        assert set(read(reader, PARTITIONS)) == {b"after %d" % run}
        reader.close()


def test_records_written_before_but_committed_after_the_opening_are_read(new_log: NewLog, kafka_url: str) -> None:
    log = new_log()
    topic = new_topic(log, 1)
    producer = ClientFactory(parse_addresses(kafka_url), {}).producer(topic)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, key=b"k", value=b"open").get(timeout=10)

    reader = log.reader(partitions_of(topic, 1), start="latest")
    producer.commit(timeout_s=10)

    assert read(reader, 1) == [b"open"]
    producer.close_now()
