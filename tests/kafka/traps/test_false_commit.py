"""B4: a sequence gap found during a commit starts a new producer epoch; the aborted transaction is reported as committed."""

from __future__ import annotations

import pytest

from newsloom.streaming.errors import CommitFailed
from tests.conformance.clients import Member, numbered, put, read_all, values
from tests.kafka.broker import wait_until
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.faults import Api, Direction, Fault
from tests.kafka.harness import NewLog
from tests.kafka.topic_copy import assert_copied_once, copies, copy_all
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka


@pytest.mark.slow
def test_plain_client_reports_an_aborted_transaction_as_committed(
    proxy: FaultProxy, new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, out = topics
    put(new_log(), numbered(source, 3))
    with plain.producer(proxy.address, transactional_id=source) as producer:
        producer.begin_transaction()
        producer.send(out, b"0").get(10)
        proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)
        producer.send(out, b"1")
        producer.flush()
        proxy.clear_faults()
        producer.send_offsets_to_transaction(plain.offsets(source, 3), source)
        proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.STALL)
        after_the_gap = producer.send(out, b"2")
        proxy.wait_injected(Api.PRODUCE, Direction.REQUEST)
        commit = plain.Call(producer.commit_transaction)
        wait_until(producer._transaction_manager.is_completing, 10, "the commit to begin")
        proxy.clear_faults()

        assert commit.ends_within(20)
        assert commit.error is None
        assert after_the_gap.failed()

    log = new_log()
    assert log.admin().committed_offsets(source, [source]) == {}
    assert values(read_all(log, out)) == []


def test_adapter_reports_the_failure(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, out = topics
    put(new_log(), numbered(source, 3))
    log = proxied_log(batch_size="1")
    member = Member(log, source, [source])
    batch = member.batch()
    # One request per record: the first is written, the second is lost.
    proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT, skip=1)

    with pytest.raises(CommitFailed):
        member.worker.commit(batch, copies(batch, out))

    assert new_log().admin().committed_offsets(source, [source]) == {}
    proxy.clear_faults()
    copy_all(member.worker, source, log, topics)
    assert_copied_once(new_log(), out, 3)
