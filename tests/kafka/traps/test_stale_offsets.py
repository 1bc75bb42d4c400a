"""B3: offsets that the broker has refused stay in the producer and are committed with its next transaction."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import pytest
from kafka.errors import CommitFailedError, KafkaError

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.kafka.transactions import Transactions
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import TopicPartition
from tests.conformance.clients import Member, numbered, put, steps
from tests.kafka.broker import wait_until
from tests.kafka.harness import NewLog
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka


@pytest.fixture
def source(new_log: NewLog) -> str:
    """A topic of two partitions with ten records each."""
    name = f"stale-{uuid.uuid4().hex[:8]}"
    log = new_log()
    log.admin().create([TopicSpec(name, 2, CleanupPolicy.DELETE)])
    put(log, [message for number in range(2) for message in numbered(name, 10, partition=number)])
    return name


@pytest.mark.slow
def test_plain_client_sets_back_the_offset_of_another_owner(kafka_url: str, new_log: NewLog, source: str) -> None:
    address = kafka_url.removeprefix("kafka://")
    with (
        plain.producer(address, transactional_id=source) as producer,
        plain.consumer(address, source, source, **plain.SHORT_SESSION) as slow,
        plain.consumer(address, source, source, **plain.SHORT_SESSION) as other,
    ):
        plain.poll_until(lambda: len(slow.assignment()) == 2, slow)
        member = slow.group_metadata()
        plain.poll_until(lambda: len(other.assignment()) == 2, other)
        producer.begin_transaction()
        with pytest.raises(CommitFailedError):
            producer.send_offsets_to_transaction(plain.offsets(source, 3, 3), member)
        producer.abort_transaction()

        plain.poll_until(lambda: len(slow.assignment()) == len(other.assignment()) == 1, slow, other)
        (mine,), (others,) = slow.assignment(), other.assignment()
        other.commit(plain.offset(others, 10))
        producer.begin_transaction()
        producer.send_offsets_to_transaction(plain.offset(mine, 4), slow.group_metadata())
        producer.commit_transaction()

    admin = new_log().admin()
    # A commit returns shortly before its offsets are visible.
    wait_until(lambda: admin.committed_offsets(source, [source]) == {mine: 4, others: 3}, 20, "the stale offset")


def test_adapter_never_sets_an_offset_back(new_log: NewLog, source: str) -> None:
    settings = {name: str(value) for name, value in plain.SHORT_SESSION.items()}
    slow, other = (Member(new_log(**settings), source, [source], instance=name) for name in ("slow", "other"))
    slow.poll_until(lambda: len(slow.owned) == 2)
    batch = slow.batch(max_records=3)
    other.poll_until(lambda: len(other.owned) == 2)
    with pytest.raises(CommitFailed):
        slow.worker.commit(batch, [])

    admin, committed = new_log().admin(), dict[TopicPartition, int]()
    for _ in steps("both to commit all"):
        for member in (slow, other):
            with suppress(CommitFailed):
                member.worker.commit(member.poll(max_records=4), [])
            before, committed = committed, admin.committed_offsets(source, [source])
            assert all(committed[partition] >= offset for partition, offset in before.items())
        if list(committed.values()) == [10, 10] and len(slow.owned) == len(other.owned) == 1:
            return


def test_adapter_discards_offsets_that_the_broker_has_refused(kafka_url: str, new_log: NewLog, source: str) -> None:
    """The broker refuses offsets of a former member; the adapter discards them with the producer."""
    clients = ClientFactory(parse_addresses(kafka_url), {})
    transactions = Transactions(clients, KafkaAdmin(clients), source)
    transactions.open()
    owner = Member(new_log(), source, [source])
    token: Any = owner.batch().token
    with pytest.raises(KafkaError, match="Fenced"):
        transactions.run([], plain.offsets(source, 3, 3), token.member._replace(member_id="another"))

    transactions.open()
    transactions.run([], plain.offsets(source, 4), token.member)

    # Returns when the markers of the last transaction are written; its offsets are visible only then.
    transactions.open()
    committed = new_log().admin().committed_offsets(source, [source])
    assert committed == {TopicPartition(source, 0): 4}
    transactions.close()
