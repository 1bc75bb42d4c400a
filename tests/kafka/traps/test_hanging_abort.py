"""B9: an abort waits for records that cannot be written; so does close(), which then fails and leaves its threads running."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from tests.conformance.clients import Member, numbered, put
from tests.kafka.broker import wait_until
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.faults import Api, Direction, Fault
from tests.kafka.harness import NewLog
from tests.kafka.topic_copy import assert_copied_once, copies, copy_all
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka

DELIVERY_TIMEOUT_MS = 120_000
"""kafka-python's default."""


@pytest.mark.slow
def test_plain_abort_hangs(proxy: FaultProxy, topics: tuple[str, str]) -> None:
    source, out = topics
    with plain.producer(proxy.address, transactional_id=source, delivery_timeout_ms=DELIVERY_TIMEOUT_MS) as producer:
        producer.begin_transaction()
        proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)
        producer.send(out, b"0")
        proxy.wait_injected(Api.PRODUCE, Direction.REQUEST)

        abort = plain.Call(producer.abort_transaction)

        assert not abort.ends_within(plain.HANGS_S)


def test_plain_close_gives_up_and_leaves_its_thread(proxy: FaultProxy, topics: tuple[str, str]) -> None:
    source, out = topics
    with plain.producer(proxy.address, transactional_id=source, delivery_timeout_ms=DELIVERY_TIMEOUT_MS) as producer:
        producer.begin_transaction()
        proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)
        producer.send(out, b"0")

        with pytest.raises(KafkaTimeoutError):
            producer.close(timeout=1)
        assert producer._sender.is_alive()
        producer.send(out, b"still open")


def test_adapter_closes_a_producer_at_once(proxy: FaultProxy, topics: tuple[str, str]) -> None:
    source, out = topics
    producer: Any = ClientFactory(parse_addresses(proxy.url), {}).producer(source)
    producer.init_transactions()
    producer.begin_transaction()
    proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)
    producer.send(out, value=b"0", key=b"k")

    producer.close_now()

    wait_until(lambda: not producer._sender.is_alive(), 10, "the producer's thread to end")


def test_adapter_leaves_no_thread_behind(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, out = topics
    put(new_log(), numbered(source, 3))
    before = kafka_threads()
    log = proxied_log()
    member = Member(log, source, [source])
    batch = member.batch()
    proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)
    with pytest.raises(CommitFailed):
        member.worker.commit(batch, copies(batch, out))
    proxy.clear_faults()
    copy_all(member.worker, source, log, topics)
    log.close()

    wait_until(lambda: kafka_threads() <= before, 10, "the threads to end")
    assert_copied_once(new_log(), out, 3)


def kafka_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "kafka" in thread.name.lower()}
