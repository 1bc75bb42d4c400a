"""A broker that dies or hangs. Faults of kafka-python itself are tested in `traps`."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Message
from tests.conformance.clients import Member, numbered, partitions_of, put, steps, values
from tests.kafka.broker import Broker
from tests.kafka.harness import NewLog
from tests.kafka.topic_copy import DEADLINE_S, assert_copied_once, copies, copy_all

pytestmark = pytest.mark.kafka


def test_broker_dies_between_poll_and_commit(kafka_broker: Broker, new_log: NewLog, topics: tuple[str, str]) -> None:
    """B1, B8: while its coordinator is down, the commit ends in time and reports the right outcome."""
    log, (source, out) = new_log(), topics
    put(log, numbered(source, 60))
    member = Member(log, source, [source])
    batch = member.batch(max_records=20)

    kafka_broker.kill()
    restart = threading.Timer(1.0, kafka_broker.start)
    restart.start()
    began = time.monotonic()
    try:
        with suppress(CommitFailed):
            member.worker.commit(batch, copies(batch, out))
        assert time.monotonic() - began < 75
    finally:
        restart.join()

    copy_all(member.worker, source, log, topics)
    assert_copied_once(log, out, 60)


def test_broker_dies_while_a_worker_is_busy(kafka_broker: Broker, new_log: NewLog, topics: tuple[str, str]) -> None:
    log, (source, out) = new_log(), topics
    put(log, numbered(source, 1_500))
    worker = log.worker(group=source, instance="0", topics=[source])
    copying = threading.Thread(target=copy_all, args=(worker, source, log, topics))
    copying.start()
    watching = new_log()
    while watching.admin().backlog(source, [source]) > 1_000:
        assert copying.is_alive()
    kafka_broker.kill()
    kafka_broker.start()
    copying.join(DEADLINE_S)
    assert not copying.is_alive()
    assert_copied_once(new_log(), out, 1_500)


def test_broker_hangs_during_a_commit(kafka_broker: Broker, new_log: NewLog, topics: tuple[str, str]) -> None:
    log, (source, out) = new_log(delivery_timeout_ms="2500", request_timeout_ms="2000", linger_ms="0"), topics
    put(log, numbered(source, 3))
    member = Member(log, source, [source])
    member.take(1, lambda record: [Message(out, record.key, record.value)])
    batch = member.batch()

    kafka_broker.freeze()
    thaw = threading.Timer(4.0, kafka_broker.thaw)
    thaw.start()
    try:
        with pytest.raises(CommitFailed):
            member.worker.commit(batch, copies(batch, out))
    finally:
        thaw.join()

    copy_all(member.worker, source, log, topics)
    assert_copied_once(log, out, 3)


def test_reader_reaches_its_end_after_the_transaction_of_a_dead_writer_is_aborted(
    kafka_url: str, new_log: NewLog, topics: tuple[str, str]
) -> None:
    """A reader waits for open transactions; a new writer of the same name aborts them at once."""
    source, _ = topics
    clients = ClientFactory(parse_addresses(kafka_url), {})
    dead = clients.producer(source)
    dead.init_transactions()
    dead.begin_transaction()
    dead.send(source, b"never committed", b"k").get(10)
    dead.close_now()
    log = new_log()
    reader = log.reader(partitions_of(source, 1), start="earliest")
    assert reader.poll(max_records=10, timeout_ms=300) == []
    assert not reader.at_end()

    log.writer(source).write(numbered(source, 1), Progress(1))

    for _ in steps("the reader's end"):
        if reader.at_end():
            break
        assert values(reader.poll(max_records=10, timeout_ms=200)) in ([], [b"0"])
