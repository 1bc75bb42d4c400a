"""B8: a transactional request that times out is fatal to the producer, and its outcome is unknown."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaError

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.records import Message
from tests.conformance.clients import Member, numbered, put, read_all, values
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.faults import Api, Direction, Fault
from tests.kafka.harness import NewLog
from tests.kafka.topic_copy import assert_copied_once, copies, copy_all
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka


def test_plain_client_can_neither_abort_nor_begin_after_a_successful_commit(
    proxy: FaultProxy, new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, out = topics
    with plain.producer(proxy.address, transactional_id=source) as producer:
        producer.begin_transaction()
        producer.send(out, b"0")
        proxy.inject(Api.END_TXN, Direction.RESPONSE, Fault.STALL)
        with pytest.raises(KafkaError, match="RequestTimedOut"):
            producer.commit_transaction()
        proxy.clear_faults()

        with pytest.raises(KafkaError, match="error state"):
            producer.abort_transaction()
        with pytest.raises(KafkaError, match="error state"):
            producer.begin_transaction()
    assert values(read_all(new_log(), out)) == [b"0"]


@pytest.mark.parametrize("direction", list(Direction), ids=lambda direction: str(direction.value))
def test_adapter_reports_an_unknown_outcome_and_resolves_it(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str], direction: Direction
) -> None:
    source, out = topics
    put(new_log(), numbered(source, 6))
    log = proxied_log()
    member = Member(log, source, [source])
    member.take(3, lambda record: [Message(out, record.key, record.value)])
    batch = member.batch()
    proxy.inject(Api.END_TXN, direction, Fault.STALL, times=1)

    with pytest.raises(CommitFailed):
        member.worker.commit(batch, copies(batch, out))

    # The stalled message arrives now, after the new producer has started.
    proxy.clear_faults()
    copy_all(member.worker, source, log, topics)
    assert_copied_once(new_log(), out, 6)
