"""The group of an idle worker has no lag, as tools and autoscalers compute it: the end minus the committed offset."""

from __future__ import annotations

import pytest

from newsloom.streaming.records import Message, TopicPartition
from tests.conformance.clients import Member, numbered, put, steps
from tests.kafka.harness import NewLog

pytestmark = pytest.mark.kafka


def test_the_committed_offset_reaches_the_end_behind_the_marker(new_log: NewLog, topics: tuple[str, str]) -> None:
    log, (source, out) = new_log(), topics
    put(log, numbered(source, 3))
    member = Member(log, source, [source])
    member.take(3, lambda record: [Message(out, record.key, record.value)])
    admin = log.admin()
    end = admin.end_offsets([source])
    assert end == {TopicPartition(source, 0): 4}
    for _ in steps("the commit of the marker"):
        member.poll()
        if admin.committed_offsets(source, [source]) == end:
            break

    put(log, numbered(source, 2, start=3), writer="later")
    values = [record.value for record in member.take(2)]
    assert values == [b"3", b"4"]


def test_a_batch_that_is_not_committed_stays_uncommitted(new_log: NewLog, topics: tuple[str, str]) -> None:
    log, (source, _) = new_log(), topics
    put(log, numbered(source, 3))
    member = Member(log, source, [source])
    first = member.take(1)
    batch = member.batch()
    for _ in range(25):
        assert not member.poll().records
    assert log.admin().committed_offsets(source, [source]) == {TopicPartition(source, 0): 1}
    member.worker.commit(batch, [])
    assert [record.value for record in (*first, *batch.records)] == [b"0", b"1", b"2"]


def test_an_empty_topic_has_no_backlog_though_the_broker_names_its_end_only_once(
    new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, _ = topics
    member = Member(new_log(), source, [source])
    # A poll that is long enough for the first fetch: the rebalance that it reports discards what was fetched.
    for _ in steps("the end of the empty topic"):
        if member.poll(timeout_ms=500).backlog == {TopicPartition(source, 0): 0}:
            break
