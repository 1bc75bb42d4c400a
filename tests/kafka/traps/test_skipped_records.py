"""B21: a poll that raises may have advanced already; the records it would have returned are skipped.

The library takes records from its buffer, then sends the next fetches. That fails if a response names a leader that is not in
the client's metadata, which happens while a cluster changes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import UnknownBrokerIdError

from newsloom.streaming.errors import LogUnavailable
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import Record
from tests.conformance.clients import STEP_MS, Member, numbered, partitions_of, put, steps, values
from tests.kafka.harness import NewLog
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka

UNKNOWN_BROKER = 99
LATER_EPOCH = 1_000


@pytest.fixture
def source(new_log: NewLog, topics: tuple[str, str]) -> str:
    """A topic with ten records in its first partition and none in its second."""
    name = f"{topics[0]}.two"
    log = new_log()
    log.admin().create([TopicSpec(name, 2, CleanupPolicy.DELETE)])
    put(log, numbered(name, 10, partition=0))
    return name


def set_unknown_leader(consumer: Any, topic: str) -> None:
    """Set the second partition's leader as kafka-python does for such a response (`Fetcher._maybe_update_current_leader`)."""
    assert consumer._client.cluster.update_partition_leader(TopicPartition(topic, 1), UNKNOWN_BROKER, LATER_EPOCH)


def test_plain_consumer_skips_records(kafka_url: str, source: str) -> None:
    consumer = KafkaConsumer(bootstrap_servers=kafka_url.removeprefix("kafka://"), auto_offset_reset="earliest")
    first = TopicPartition(source, 0)
    consumer.assign([first, TopicPartition(source, 1)])
    plain.poll_until(lambda: bool(consumer.poll(100, max_records=4)))

    set_unknown_leader(consumer, source)
    with pytest.raises(UnknownBrokerIdError):
        consumer.poll(1_000)

    assert consumer.position(first) >= 10
    consumer.close()


def test_worker_returns_them_at_the_next_poll(new_log: NewLog, source: str) -> None:
    member = Member(new_log(), source, [source])
    batch = member.batch(max_records=4)
    worker: Any = member.worker
    set_unknown_leader(worker._consumer, source)
    with pytest.raises(LogUnavailable, match="UnknownBrokerId"):
        member.poll()
    worker._consumer._client.cluster.request_update()

    worker.commit(batch, [])
    rest: list[Record] = []
    for _ in steps("the rest"):
        # Until the client has loaded the leader.
        with suppress(LogUnavailable):
            rest += member.poll().records
        if rest:
            break
    assert values(rest) == [b"%d" % i for i in range(4, 10)]


def test_reader_returns_them_at_the_next_poll(new_log: NewLog, source: str) -> None:
    reader: Any = new_log().reader(partitions_of(source, 2), start="earliest")
    polled: list[Record] = []
    for _ in steps("records"):
        polled += reader.poll(max_records=4, timeout_ms=STEP_MS)
        if polled:
            break
    set_unknown_leader(reader._consumer, source)
    with pytest.raises(LogUnavailable, match="UnknownBrokerId"):
        reader.poll(max_records=100, timeout_ms=STEP_MS)
    reader._consumer._client.cluster.request_update()

    for _ in steps("the reader's end"):
        with suppress(LogUnavailable):
            polled += reader.poll(max_records=100, timeout_ms=STEP_MS)
        if reader.at_end():
            break
    assert values(polled) == [b"%d" % i for i in range(10)]
