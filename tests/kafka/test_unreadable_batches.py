"""A batch that cannot be read ends its reader with one line; nothing reads past it, and nothing hangs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import Record
from tests.conformance.clients import STEP_MS, Member, numbered, partitions_of, put, read_to_end, steps, values
from tests.kafka.broker import Broker
from tests.kafka.harness import NewLog
from tests.kafka.log_segment import Change, change_batch, change_record_length, flip_a_bit, set_codec

pytestmark = pytest.mark.kafka

OFFSET = 2
"""The second record's: the first transaction's marker has an offset too."""

UNREADABLE = [
    pytest.param(flip_a_bit, "codec none\\) is damaged: .* failed crc check", id="checksum"),
    pytest.param(change_record_length, "codec none\\) is damaged: .*Invalid record size", id="record"),
    pytest.param(set_codec(4), "codec zstd\\) is damaged: zstd decompress error", id="content"),
    pytest.param(set_codec(5), "codec number 5, which this process cannot read: upgrade newsloom", id="codec"),
]


@pytest.fixture
def topic(new_log: NewLog) -> str:
    """A topic with three records, each in a batch of its own."""
    topic = f"unreadable-{uuid.uuid4().hex[:8]}"
    log = new_log()
    log.admin().create([TopicSpec(topic, 1, CleanupPolicy.DELETE)])
    for number in range(3):
        put(log, numbered(topic, 1, start=number))
    return topic


def at(topic: str) -> str:
    return f"topic {topic}, partition 0, offset {OFFSET}: the batch "


@pytest.mark.parametrize(("change", "problem"), UNREADABLE)
def test_a_worker_names_it_at_each_poll(
    new_log: NewLog, kafka_broker: Broker, topic: str, change: Change, problem: str
) -> None:
    change_batch(kafka_broker.segment(topic), 1, change)
    member = Member(new_log(), topic, [topic])
    assert values(member.take(1)) == [b"0"]
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=f"^{at(topic)}.*{problem}"):
            member.batch()


@pytest.mark.parametrize(("change", "problem"), UNREADABLE)
def test_a_reader_names_it_at_each_poll(
    new_log: NewLog, kafka_broker: Broker, topic: str, change: Change, problem: str
) -> None:
    change_batch(kafka_broker.segment(topic), 1, change)
    reader = new_log().reader(partitions_of(topic, 1), start="earliest")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=f"^{at(topic)}.*{problem}"):
            read_to_end(reader)


def test_it_is_backlog_of_a_group_that_has_read_up_to_it(new_log: NewLog, kafka_broker: Broker, topic: str) -> None:
    log = new_log()
    member = Member(log, topic, [topic])
    member.take(1)
    change_batch(kafka_broker.segment(topic), 1, set_codec(5))
    for _ in range(2):
        assert log.admin().backlog(topic, [topic]) > 0


def test_a_batch_damaged_on_the_way_is_fetched_again(new_log: NewLog, kafka_broker: Broker, topic: str) -> None:
    segment = kafka_broker.segment(topic)
    # The first batch: at a later one, the client has sent the next fetch by the time it looks at the batch.
    change_batch(segment, 0, flip_a_bit)
    reader: Any = new_log().reader(partitions_of(topic, 1), start="earliest")
    found: list[Record] = []
    for _ in steps("the first fetch of the damaged batch"):
        found += reader.poll(max_records=10, timeout_ms=0)
        if reader._consumer._refetched:
            break
    change_batch(segment, 0, flip_a_bit)
    for _ in steps("all records"):
        found += reader.poll(max_records=10, timeout_ms=STEP_MS)
        if reader.at_end():
            break
    assert values(found) == [b"0", b"1", b"2"]
