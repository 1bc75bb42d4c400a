"""The traps of kafka-python and of a cluster in trouble, each with its own test. Copies `in` to `out` exactly once."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import suppress
from typing import Any

import pytest
from kafka.errors import KafkaError

from newsloom.streaming.errors import CommitFailed, ConfigurationError, LogUnavailable
from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.clients import Clients
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.kafka.transactions import Transactions
from newsloom.streaming.log import CleanupPolicy, Log, Progress, TopicSpec, Worker
from newsloom.streaming.records import Batch, Message
from tests.conformance.driving import Member, numbered, partitions_of, put, read_all, steps, values
from tests.kafka.broker import Broker
from tests.kafka.harness import NewLog

pytestmark = pytest.mark.kafka

DEADLINE_S = 100.0


@pytest.fixture
def topics(new_log: NewLog, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Two topics of one partition each, empty."""
    names = f"{request.node.name}.{uuid.uuid4().hex[:8]}.in", f"{request.node.name}.{uuid.uuid4().hex[:8]}.out"
    new_log().admin().create([TopicSpec(name, 1, CleanupPolicy.DELETE) for name in names])
    return names


def copies(batch: Batch, out: str) -> list[Message]:
    return [Message(out, record.key, record.value) for record in batch.records]


def copy_all(worker: Worker, group: str, log: Log, topics: tuple[str, str]) -> None:
    """Copy whatever comes until nothing is left, through any trouble that passes."""
    source, out = topics
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        with suppress(LogUnavailable, CommitFailed):
            batch = worker.poll(max_records=20, timeout_ms=200)
            worker.commit(batch, copies(batch, out))
            if not batch.records and log.admin().backlog(group, [source]) == 0:
                return
    raise AssertionError(f"not done within {DEADLINE_S:g} s")


def assert_copied_once(log: Log, out: str, count: int) -> None:
    assert values(read_all(log, out)) == [b"%d" % i for i in range(count)]


def test_broker_dies_between_poll_and_commit(kafka_broker: Broker, new_log: NewLog, topics: tuple[str, str]) -> None:
    """B1, B8: the commit neither hangs nor lies while its coordinator is away."""
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


def test_record_that_expires_inside_a_transaction(new_log: NewLog, topics: tuple[str, str]) -> None:
    """B2: kafka-python commits the offsets without the record, and says that all is well."""
    log, (source, out) = new_log(), topics
    put(log, numbered(source, 3))
    member = Member(log, source, [source])
    batch = member.batch()
    # A record may be sent only after its partition was added to the transaction, which takes longer than this; the
    # setting itself cannot be that short.
    worker: Any = member.worker
    worker._transactions._producer._accumulator.config["delivery_timeout_ms"] = 0.1

    with pytest.raises(CommitFailed):
        member.worker.commit(batch, copies(batch, out))

    assert log.admin().backlog(source, [source]) > 0
    copy_all(member.worker, source, log, topics)
    assert_copied_once(log, out, 3)


def test_broker_refuses_the_offsets_of_an_older_generation(
    kafka_url: str, new_log: NewLog, topics: tuple[str, str]
) -> None:
    """B5: a zombie whose client has not noticed yet. Its batch goes straight to the broker here, past our own check."""
    log, (source, out) = new_log(), topics
    put(log, numbered(source, 2))
    zombie = Member(log, source, [source], instance="a")
    token: Any = zombie.batch().token
    joining = Member(new_log(), source, [source], instance="b")
    for _ in steps("the next generation"):
        joining.poll()
        now: Any = zombie.poll().token
        if now.member.generation_id > token.member.generation_id:
            break

    clients = Clients(parse_addresses(kafka_url), {})
    admin = KafkaAdmin(clients)
    transactions = Transactions(clients, admin, f"{source}-zombie")
    transactions.open()
    with pytest.raises(KafkaError, match=r"Generation|Member|Fenced"):
        transactions.run([Message(out, b"k", b"zombie")], token.offsets, token.member)
    transactions.open()
    assert values(read_all(log, out)) == []
    transactions.close()
    admin.close()


def test_message_over_the_request_limit_is_refused_before_it_is_sent(new_log: NewLog, topics: tuple[str, str]) -> None:
    """B7: a record that the broker refuses spoils the producer; one that we refuse does not."""
    source, _ = topics
    log = new_log(max_request_size="60000")
    writer = log.writer(source)
    with pytest.raises(ConfigurationError, match=rf"{source} with key b'k' .*NEWSLOOM_KAFKA_MAX_REQUEST_SIZE=60000"):
        writer.write([Message(source, b"k", bytes(70_000))], Progress(1))
    writer.write(numbered(source, 2), Progress(2))
    assert values(read_all(log, source)) == [b"0", b"1"]


def test_reader_passes_the_transaction_of_a_writer_that_died(
    kafka_url: str, new_log: NewLog, topics: tuple[str, str]
) -> None:
    """A reader waits for transactions that are open; a successor of the same name ends them at once."""
    source, _ = topics
    clients = Clients(parse_addresses(kafka_url), {})
    dead = clients.producer(source)
    dead.init_transactions()
    dead.begin_transaction()
    dead.send(source, b"never committed", b"k").get(10)
    dead.drop()
    log = new_log()
    reader = log.reader(partitions_of(source, 1), start="earliest")
    assert reader.poll(max_records=10, timeout_ms=300) == []
    assert not reader.at_end()

    log.writer(source).write(numbered(source, 1), Progress(1))

    for _ in steps("the reader's end"):
        if reader.at_end():
            break
        assert values(reader.poll(max_records=10, timeout_ms=200)) in ([], [b"0"])
