"""B1: a transactional request is dropped if its coordinator is not ready, and its call waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.records import Message
from tests.conformance.clients import Member, numbered, put, read_all, values
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.faults import Api, Direction, Fault
from tests.kafka.harness import NewLog
from tests.kafka.topic_copy import assert_copied_once, copies, copy_all
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka

REFUSED_CONNECTIONS = 8
"""Attempts to connect, 50 to 200 ms apart: enough for the call to find the coordinator down."""


def call_while_disconnected(proxy: FaultProxy, call: Callable[[], object]) -> plain.Call:
    """Start the call when the client has lost its coordinator; then bring the coordinator back."""
    proxy.disconnect()
    proxy.wait_refused()
    started = plain.Call(call)
    proxy.wait_refused(REFUSED_CONNECTIONS)
    proxy.clear_faults()
    return started


def assert_others_can_commit(proxy: FaultProxy, topic: str) -> None:
    with plain.producer(proxy.address, transactional_id=topic) as another:
        another.begin_transaction()
        another.send(topic, b"another's")
        another.commit_transaction()


@pytest.mark.slow
def test_plain_commit_hangs(proxy: FaultProxy, new_log: NewLog, topics: tuple[str, str]) -> None:
    source, out = topics
    with plain.producer(proxy.address, transactional_id="plain-commit") as producer:
        producer.begin_transaction()
        producer.send(out, b"0").get(10)

        commit = call_while_disconnected(proxy, producer.commit_transaction)

        assert_others_can_commit(proxy, source)
        assert not commit.ends_within(plain.HANGS_S)
        assert proxy.response_count(Api.END_TXN) == 1, "the request of the other producer"
    with plain.producer(proxy.address, transactional_id="plain-commit"):
        assert values(read_all(new_log(), out)) == []


@pytest.mark.slow
def test_plain_offsets_hang(proxy: FaultProxy, topics: tuple[str, str]) -> None:
    source, out = topics
    with plain.producer(proxy.address, transactional_id="plain-offsets") as producer:
        producer.begin_transaction()
        producer.send(out, b"0").get(10)

        sending = call_while_disconnected(
            proxy, lambda: producer.send_offsets_to_transaction(plain.offsets(source, 1), "plain-offsets")
        )

        assert_others_can_commit(proxy, source)
        assert not sending.ends_within(plain.HANGS_S)
        assert proxy.response_count(Api.ADD_OFFSETS_TO_TXN) == 0


def test_adapter_commits_when_the_coordinator_is_back(
    proxy: FaultProxy, new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, out = topics
    producer: Any = ClientFactory(parse_addresses(proxy.url), {}).producer("adapters-commit")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(out, value=b"0", key=b"k").get(10)

    offsets = plain.offsets(source, 1)
    sending = call_while_disconnected(proxy, lambda: producer.send_offsets(offsets, "adapters-commit", timeout_s=50))
    assert sending.ends_within(60)
    assert sending.error is None
    commit = call_while_disconnected(proxy, lambda: producer.commit(timeout_s=50))
    assert commit.ends_within(60)
    assert commit.error is None

    assert values(read_all(new_log(), out)) == [b"0"]
    producer.close_now()


@pytest.mark.parametrize(
    "last", [Api.PRODUCE, Api.ADD_OFFSETS_TO_TXN, Api.TXN_OFFSET_COMMIT], ids=lambda api: str(api.name)
)
def test_worker_commits_or_raises(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str], last: Api
) -> None:
    source, out = topics
    put(new_log(), numbered(source, 6))
    log = proxied_log()
    member = Member(log, source, [source])
    member.take(3, lambda record: [Message(out, record.key, record.value)])
    batch = member.batch()
    proxy.inject(last, Direction.RESPONSE, Fault.DISCONNECT, times=1)

    def finish() -> None:
        with suppress(CommitFailed):
            member.worker.commit(batch, copies(batch, out))

    commit = plain.Call(finish)
    proxy.wait_refused(REFUSED_CONNECTIONS)
    proxy.clear_faults()

    assert commit.ends_within(60)
    assert commit.error is None
    copy_all(member.worker, source, log, topics)
    assert_copied_once(new_log(), out, 6)
