"""B22: header names that are not UTF-8. Some clients write them; kafka-python's consumer cannot read them."""

from __future__ import annotations

import uuid

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import CorruptRecordError

from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import Record
from tests.conformance.clients import STEP_MS, Member, partitions_of, steps
from tests.kafka.harness import NewLog
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka


class _Bytes(str):
    """A header name that encodes to bytes that are not UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe trace"


@pytest.fixture
def topic(new_log: NewLog, kafka_url: str) -> str:
    """A topic with a record whose second header name is not UTF-8, and a record after it."""
    topic = f"names-{uuid.uuid4().hex[:8]}"
    new_log().admin().create([TopicSpec(topic, 1, CleanupPolicy.DELETE)])
    producer = ClientFactory(parse_addresses(kafka_url), {}).producer(topic)
    producer.init_transactions()
    producer.begin_transaction()
    headers = [("before", b"\xff"), (_Bytes("odd"), b"\x00\xff"), ("é", b"after")]
    producer.send(topic, key=b"k", value=b"first", headers=headers)
    producer.send(topic, key=b"k", value=b"second", headers=[("plain", b"")])
    producer.commit(timeout_s=10)
    producer.close_now()
    return topic


def test_a_plain_consumer_still_calls_the_record_corrupt(topic: str, kafka_url: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=kafka_url.removeprefix("kafka://"), auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, 0)])
    with pytest.raises(CorruptRecordError):
        plain.poll_until(lambda: False, consumer)
    consumer.close()


def test_the_record_and_the_next_one_are_read(new_log: NewLog, topic: str) -> None:
    log = new_log()
    reader = log.reader(partitions_of(topic, 1), start="earliest")
    found: list[Record] = []
    for _ in steps("both records"):
        found += reader.poll(max_records=10, timeout_ms=STEP_MS)
        if len(found) == 2:
            break
    assert [record.value for record in found] == [b"first", b"second"]
    assert found[0].headers == (("before", b"\xff"), ("?? trace", b"\x00\xff"), ("é", b"after"))
    assert found[1].headers == (("plain", b""),)
    member = Member(log, f"group-{topic}", [topic])
    assert [record.value for record in member.take(2)] == [b"first", b"second"]
