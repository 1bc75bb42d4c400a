"""B5: `group_metadata()` of an evicted member has no member id, and the broker does not fence such a commit: a zombie commits."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.errors import CommitFailedError, KafkaError

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.kafka.transactions import Transactions
from newsloom.streaming.records import Message
from tests.conformance.clients import Member, numbered, put, read_all, steps, values
from tests.kafka.broker import wait_until
from tests.kafka.harness import NewLog
from tests.kafka.topic_copy import assert_copied_once, copies
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka

RECORDS = 3


def take(consumer: Any) -> list[Any]:
    """Return the next records of a plain consumer."""
    for _ in steps("records"):
        records = [record for group in consumer.poll(200).values() for record in group]
        if records:
            return records
    raise AssertionError


@pytest.mark.slow
def test_plain_client_lets_a_zombie_commit(kafka_url: str, new_log: NewLog, topics: tuple[str, str]) -> None:
    source, out = topics
    address = kafka_url.removeprefix("kafka://")
    put(new_log(), numbered(source, RECORDS))
    with (
        plain.producer(address, transactional_id=f"{source}-zombie") as zombie_producer,
        plain.producer(address, transactional_id=f"{source}-other") as producer,
        plain.consumer(address, source, source, **plain.SHORT_SESSION) as zombie,
        plain.consumer(address, source, source, **plain.SHORT_SESSION) as other,
    ):
        zombie_records = take(zombie)
        membership = zombie.group_metadata()
        records = take(other)
        plain.copy(producer, records, out, other.group_metadata())
        wait_until(lambda: zombie.group_metadata() != membership, 20, "the eviction of the zombie")

        plain.copy(zombie_producer, zombie_records, out, zombie.group_metadata())

    assert values(read_all(new_log(), out)) == 2 * [b"%d" % i for i in range(RECORDS)]


@pytest.mark.slow
def test_plain_client_is_refused_as_the_member_that_polled(
    kafka_url: str, new_log: NewLog, topics: tuple[str, str]
) -> None:
    """The adapter keeps the membership with the batch: with it, the broker refuses the commit."""
    source, out = topics
    address = kafka_url.removeprefix("kafka://")
    put(new_log(), numbered(source, RECORDS))
    with (
        plain.producer(address, transactional_id=f"{source}-zombie") as zombie_producer,
        plain.consumer(address, source, source, **plain.SHORT_SESSION) as zombie,
        plain.consumer(address, source, source, **plain.SHORT_SESSION) as other,
    ):
        zombie_records = take(zombie)
        membership = zombie.group_metadata()
        take(other)
        with pytest.raises(CommitFailedError):
            plain.copy(zombie_producer, zombie_records, out, membership)


def test_adapter_refuses_the_zombie(new_log: NewLog, topics: tuple[str, str]) -> None:
    source, out = topics
    log = new_log()
    put(log, numbered(source, RECORDS))
    settings = {name: str(value) for name, value in plain.SHORT_SESSION.items()}
    zombie = Member(new_log(**settings), source, [source], instance="zombie")
    batch = zombie.batch()
    other = Member(new_log(**settings), source, [source], instance="other")
    other.take(RECORDS, lambda record: [Message(out, record.key, record.value)])

    with pytest.raises(CommitFailed):
        zombie.worker.commit(batch, copies(batch, out))

    assert_copied_once(log, out, RECORDS)


def test_broker_refuses_what_the_adapter_sends_for_a_zombie(
    kafka_url: str, new_log: NewLog, topics: tuple[str, str]
) -> None:
    """The broker also refuses the commit of a zombie whose client has not noticed the eviction yet."""
    source, out = topics
    log = new_log()
    put(log, numbered(source, RECORDS))
    zombie = Member(log, source, [source], instance="zombie")
    token: Any = zombie.batch().token
    joining = Member(new_log(), source, [source], instance="other")
    for _ in steps("the next generation"):
        joining.poll()
        now: Any = zombie.poll().token
        if now.member.generation_id > token.member.generation_id:
            break

    clients = ClientFactory(parse_addresses(kafka_url), {})
    admin = KafkaAdmin(clients)
    transactions = Transactions(clients, admin, f"{source}-zombie")
    transactions.open()
    with pytest.raises(KafkaError, match=r"Generation|Member|Fenced"):
        transactions.run([Message(out, b"k", b"zombie")], token.offsets, token.member)
    transactions.open()
    assert values(read_all(log, out)) == []
    transactions.close()
    admin.close()
