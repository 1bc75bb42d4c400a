"""B26: after a batch that cannot be read, the next poll never returns: it reads the same failed iterator in a busy loop."""

from __future__ import annotations

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import UnsupportedCodecError

from newsloom.streaming.errors import ConfigurationError
from tests.conformance.clients import Member, numbered, put
from tests.kafka.broker import Broker
from tests.kafka.harness import NewLog
from tests.kafka.log_segment import change_batch, set_codec
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka


@pytest.fixture
def topic(new_log: NewLog, kafka_broker: Broker, topics: tuple[str, str]) -> str:
    """A topic whose only batch is compressed with an unknown codec."""
    put(new_log(), numbered(topics[0], 1))
    change_batch(kafka_broker.segment(topics[0]), 0, set_codec(5))
    return topics[0]


def test_plain_consumer_never_returns_from_the_next_poll(kafka_broker: Broker, topic: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=kafka_broker.url.removeprefix("kafka://"), auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, 0)])
    with pytest.raises(UnsupportedCodecError):
        plain.poll_until(lambda: False, consumer)
    poll = plain.Call(lambda: consumer.poll(100))
    assert not poll.ends_within(plain.HANGS_S)
    consumer._fetcher._next_partition_records.drain()
    assert poll.ends_within(plain.HANGS_S)
    consumer.close()


def test_adapter_raises_the_same_error_at_the_next_poll(new_log: NewLog, topic: str) -> None:
    member = Member(new_log(), topic, [topic])
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="codec number 5"):
            member.batch()
