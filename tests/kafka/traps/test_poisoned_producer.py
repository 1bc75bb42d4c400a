"""B7: after a broker has refused a record for its size or a missing right, the producer fails for all later records."""

from __future__ import annotations

import random
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, MessageSizeTooLargeError, OutOfOrderSequenceNumberError

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.records import Message
from tests.conformance.clients import numbered, read_all, values
from tests.kafka.harness import NewLog
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka

LARGE = random.Random(7).randbytes(5_000)  # noqa: S311 - incompressible bytes


@pytest.fixture
def small(new_log: NewLog, topics: tuple[str, str]) -> str:
    """A topic with a low limit for the size of records."""
    name = f"{topics[0]}.small"
    new_log().admin().create([TopicSpec(name, 1, CleanupPolicy.DELETE, max_record_bytes=2_000)])
    return name


def test_plain_idempotent_client_repeats_the_error(kafka_url: str, small: str) -> None:
    with plain.producer(kafka_url.removeprefix("kafka://")) as producer:
        producer.send(small, b"before").get(10)
        with pytest.raises(MessageSizeTooLargeError):
            producer.send(small, LARGE).get(10)
        with pytest.raises(KafkaError, match="MessageSizeTooLarge"):
            producer.send(small, b"after").get(10)


def test_plain_transactional_client_has_a_gap_after_the_abort(kafka_url: str, small: str) -> None:
    with plain.producer(kafka_url.removeprefix("kafka://"), transactional_id=small) as producer:
        producer.begin_transaction()
        with pytest.raises(MessageSizeTooLargeError):
            producer.send(small, LARGE).get(10)
        producer.abort_transaction()
        producer.begin_transaction()
        with pytest.raises(OutOfOrderSequenceNumberError):
            producer.send(small, b"after").get(10)


def test_adapter_refuses_a_record_over_the_request_limit_before_sending_it(
    new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, _ = topics
    writer = new_log(max_request_size="60000").writer(source)
    with pytest.raises(ConfigurationError, match=rf"{source} with key b'k' .*NEWSLOOM_KAFKA_MAX_REQUEST_SIZE=60000"):
        writer.write([Message(source, b"k", bytes(70_000))], Progress(1))
    writer.write(numbered(source, 2), Progress(2))
    assert values(read_all(new_log(), source)) == [b"0", b"1"]


def test_adapter_continues_to_write_after_the_broker_has_refused_a_record(
    kafka_url: str, new_log: NewLog, topics: tuple[str, str]
) -> None:
    """The topic's limit was lowered after the adapter has read it."""
    source, _ = topics
    writer = new_log().writer(source)
    writer.write(numbered(source, 2), Progress(2))
    admin: Any = ClientFactory(parse_addresses(kafka_url), {}).admin()
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, source, configs={"max.message.bytes": "2000"})])
    admin.close()

    for _ in range(2):
        with pytest.raises(ConfigurationError, match=rf"{source} with key b'k' .*max\.message\.bytes"):
            writer.write([Message(source, b"k", LARGE)], Progress(3))
        assert writer.progress() == Progress(2)
    writer.write(numbered(source, 2, start=2), Progress(4))

    assert values(read_all(new_log(), source)) == [b"0", b"1", b"2", b"3"]
