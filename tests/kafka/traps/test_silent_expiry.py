"""B2: a transaction is committed even if the delivery of one of its records has timed out."""

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
def test_plain_client_commits_the_offsets_and_loses_the_record(
    proxy: FaultProxy, new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, out = topics
    put(new_log(), numbered(source, 1))
    with plain.producer(proxy.address, transactional_id=source) as producer:
        proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)
        producer.begin_transaction()
        producer.send(out, b"0")
        producer.send_offsets_to_transaction(plain.offsets(source, 1), source)
        producer.commit_transaction()

    log = new_log()
    wait_until(lambda: log.admin().backlog(source, [source]) == 0, 20, "the offset")
    assert values(read_all(log, out)) == []


def test_adapter_commits_neither(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, out = topics
    put(new_log(), numbered(source, 3))
    log = proxied_log()
    member = Member(log, source, [source])
    batch = member.batch()
    proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)

    with pytest.raises(CommitFailed):
        member.worker.commit(batch, copies(batch, out))

    assert new_log().admin().committed_offsets(source, [source]) == {}
    proxy.clear_faults()
    copy_all(member.worker, source, log, topics)
    assert_copied_once(new_log(), out, 3)
