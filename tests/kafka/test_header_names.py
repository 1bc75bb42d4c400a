"""A header's name that is no text: some clients can write one, kafka-python's consumer cannot read it."""

from __future__ import annotations

import uuid

import pytest

from newsloom.streaming.kafka.clients import Clients
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import Record
from tests.conformance.driving import STEP_MS, Member, partitions_of, steps
from tests.kafka.harness import NewLog

pytestmark = pytest.mark.kafka


class _Bytes(str):
    """A name that is written as other bytes than its own."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe trace"


def test_a_record_with_such_a_header_is_read_and_what_follows_too(new_log: NewLog, kafka_url: str) -> None:
    log = new_log()
    topic = f"names-{uuid.uuid4().hex[:8]}"
    log.admin().create([TopicSpec(topic, 1, CleanupPolicy.DELETE)])
    producer = Clients(parse_addresses(kafka_url), {}).producer(topic)
    producer.init_transactions()
    producer.begin_transaction()
    headers = [("before", b"\xff"), (_Bytes("odd"), b"\x00\xff"), ("é", b"behind")]
    producer.send(topic, key=b"k", value=b"first", headers=headers)
    producer.send(topic, key=b"k", value=b"second", headers=[("plain", b"")])
    producer.commit(timeout_s=10)
    producer.drop()

    reader = log.reader(partitions_of(topic, 1), start="earliest")
    found: list[Record] = []
    for _ in steps("both records"):
        found += reader.poll(max_records=10, timeout_ms=STEP_MS)
        if len(found) == 2:
            break
    assert [record.value for record in found] == [b"first", b"second"]
    assert found[0].headers == (("before", b"\xff"), ("?? trace", b"\x00\xff"), ("é", b"behind"))
    assert found[1].headers == (("plain", b""),)
    member = Member(log, f"group-{topic}", [topic])
    assert [record.value for record in member.take(2)] == [b"first", b"second"]
