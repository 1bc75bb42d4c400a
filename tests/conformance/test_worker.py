"""Workers: poll and commit, with offsets and outputs in one transaction."""

from __future__ import annotations

import random

import pytest

from newsloom.streaming.errors import CommitFailed, ConfigurationError, Fenced
from newsloom.streaming.log import Log
from newsloom.streaming.records import Message, Record, TopicPartition
from tests.conformance.clients import STEP_MS, Member, numbered, partitions_of, put, read_all, steps, values
from tests.conformance.conftest import NewTopic
from tests.conformance.harness import LogHarness


def test_outputs_and_offsets_are_committed_together(log: Log, new_topic: NewTopic, unique: str) -> None:
    source, out = new_topic("in"), new_topic("out")
    put(log, numbered(source, 5))
    member = Member(log, unique, [source])

    member.take(5, lambda record: [Message(out, record.key, b"out " + (record.value or b""))])

    assert values(read_all(log, out)) == [b"out %d" % i for i in range(5)]
    assert log.admin().backlog(unique, [source]) == 0


def test_a_member_has_its_partitions_once_it_has_joined(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in", partitions=2)
    member = Member(log, unique, [topic])
    for _ in steps("the member to join"):
        if member.poll(timeout_ms=20).joined:
            break
    assert member.owned == set(partitions_of(topic, 2))


def test_a_member_without_a_partition_joins_too(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    worker, spare = Member(log, unique, [topic]), Member(harness.open(), unique, [topic], instance="1")
    for _ in steps("both to join"):
        joined = [member.poll(timeout_ms=20).joined for member in (worker, spare)]
        if all(joined) and len(worker.owned | spare.owned) == 1:
            break
    assert len(worker.owned) + len(spare.owned) == 1


def test_an_empty_poll_returns_after_its_timeout(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    member = Member(log, unique, [new_topic("in")])
    member.poll_until(lambda: bool(member.owned))
    began = harness.now_s()
    batch = member.poll(timeout_ms=300)
    assert (batch.records, batch.gained, batch.lost) == ((), frozenset(), frozenset())
    assert 0.25 < harness.now_s() - began < 30


def test_a_waiting_poll_returns_when_a_record_arrives(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    member = Member(log, unique, [topic])
    member.poll_until(lambda: bool(member.owned))
    put(log, numbered(topic, 1))
    assert len(member.batch().records) == 1


def test_a_batch_tells_how_many_records_are_left(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 5))
    member = Member(log, unique, [topic])
    first = member.batch(max_records=2)
    # On Kafka the marker of the transaction counts until a poll has met it.
    assert 3 <= first.backlog[TopicPartition(topic, 0)] <= 4
    member.worker.commit(first, [])
    member.worker.commit(member.batch(max_records=3), [])
    member.poll_until(lambda: member.poll().backlog == {TopicPartition(topic, 0): 0})


def test_an_empty_topic_has_no_backlog(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in", partitions=2)
    member = Member(log, unique, [topic])
    member.poll_until(lambda: member.poll().backlog == dict.fromkeys(partitions_of(topic, 2), 0))


def test_records_are_not_returned_twice_while_commits_succeed(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 10))
    member = Member(log, unique, [topic])
    first, second = member.batch(max_records=3), member.batch(max_records=3)
    member.worker.commit(first, [])
    member.worker.commit(second, [])
    assert values([*first.records, *second.records, *member.take(4)]) == [b"%d" % i for i in range(10)]


def test_uncommitted_records_are_returned_to_the_next_process_of_the_instance(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic, out = new_topic("in"), new_topic("out")
    put(log, numbered(topic, 6))
    crashed = Member(log, unique, [topic])
    crashed.take(2)
    crashed.batch()  # the process ends here, without closing anything

    restarted = Member(harness.open(), unique, [topic])
    records = restarted.take(4, lambda record: [Message(out, record.key, record.value)])

    assert values(records) == values(read_all(log, out)) == [b"2", b"3", b"4", b"5"]


def test_a_closed_worker_leaves_uncommitted_records_unread(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 2))
    first = Member(log, unique, [topic])
    first.batch()
    first.worker.close()
    assert values(Member(harness.open(), unique, [topic]).take(2)) == [b"0", b"1"]


def test_a_batch_may_have_outputs_to_several_topics_and_partitions(log: Log, new_topic: NewTopic, unique: str) -> None:
    source, one, two = new_topic("in"), new_topic("one", partitions=2), new_topic("two")
    put(log, numbered(source, 3))

    def fan_out(record: Record) -> list[Message]:
        return [Message(one, None, record.value, partition=i) for i in range(2)] + [Message(two, None, record.value)]

    Member(log, unique, [source]).take(3, fan_out)

    assert len(read_all(log, one, partitions=2)) == 6
    assert values(read_all(log, two)) == [b"0", b"1", b"2"]


def test_a_commit_without_records_writes_its_messages(log: Log, new_topic: NewTopic, unique: str) -> None:
    source, out = new_topic("in"), new_topic("out")
    member = Member(log, unique, [source])
    member.poll_until(lambda: bool(member.owned))
    member.worker.commit(member.poll(), [Message(out, b"k", b"v")])
    assert values(read_all(log, out)) == [b"v"]


def test_a_commit_without_messages_commits_the_offsets(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 3))
    Member(log, unique, [topic]).take(3)
    assert log.admin().backlog(unique, [topic]) == 0


def test_a_worker_reads_all_partitions_of_all_its_topics(log: Log, new_topic: NewTopic, unique: str) -> None:
    one, two = new_topic("one", partitions=3), new_topic("two")
    messages = [message for number in range(3) for message in numbered(one, 4, partition=number)] + numbered(two, 4)
    put(log, messages)
    member = Member(log, unique, [one, two])
    assert len(member.take(16)) == 16
    assert member.owned == {*partitions_of(one, 3), TopicPartition(two, 0)}


def test_a_full_partition_does_not_starve_the_others(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in", partitions=3)
    # More than a log may read ahead of one partition; random, so that it cannot be compressed.
    noise = random.Random(0)  # noqa: S311 - not for security
    full = [Message(topic, b"k%d" % i, noise.randbytes(10_000), partition=0) for i in range(200)]
    put(log, full + numbered(topic, 2, partition=1) + numbered(topic, 2, partition=2))
    records = Member(log, unique, [topic]).take(150)
    assert {record.partition for record in records} == {0, 1, 2}


def test_groups_are_independent(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 3))
    for group in ("a", "b"):
        assert len(Member(log, f"{unique}.{group}", [topic]).take(3)) == 3


def test_the_error_for_a_missing_topic_says_how_to_create_it(log: Log, new_topic: NewTopic, unique: str) -> None:
    new_topic("in")
    with pytest.raises(ConfigurationError, match=rf"{unique}\.missing.*newsloom topics create"):
        log.worker(group=unique, instance="0", topics=[f"{unique}.in", f"{unique}.missing"])


def test_a_newer_process_takes_over_and_fences_the_older_one_when_it_commits(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic, out = new_topic("in"), new_topic("out")
    put(log, numbered(topic, 3))
    older = Member(log, unique, [topic])
    batch = older.batch()

    newer = Member(harness.open(), unique, [topic])
    newer.take(3, lambda record: [Message(out, record.key, b"newer")])

    with pytest.raises(Fenced):
        older.worker.commit(batch, [Message(out, b"k", b"older")])
    assert values(read_all(log, out)) == [b"newer"] * 3


def test_a_newer_process_fences_the_older_one_while_it_polls(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    older = Member(log, unique, [topic])
    older.poll_until(lambda: bool(older.owned))
    newer = Member(harness.open(), unique, [topic])

    def poll_both_until_fenced() -> None:
        for _ in steps("the fencing"):
            newer.poll()
            older.poll()

    with pytest.raises(Fenced):
        poll_both_until_fenced()
    put(log, numbered(topic, 2))
    assert len(newer.take(2)) == 2


def test_a_batch_is_refused_while_an_earlier_one_is_uncommitted(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic, out = new_topic("in"), new_topic("out")
    put(log, numbered(topic, 6))
    member = Member(log, unique, [topic])
    member.batch(max_records=3)
    later = member.batch(max_records=3)
    with pytest.raises(CommitFailed):
        member.worker.commit(later, [Message(out, b"k", b"gap")])
    assert read_all(log, out) == []
    assert values(member.take(6)) == [b"%d" % i for i in range(6)]


def test_a_second_commit_of_a_batch_is_refused(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic, out = new_topic("in"), new_topic("out")
    put(log, numbered(topic, 2))
    member = Member(log, unique, [topic])
    batch = member.batch()
    member.worker.commit(batch, [Message(out, b"k", b"once")])
    with pytest.raises(CommitFailed):
        member.worker.commit(batch, [Message(out, b"k", b"twice")])
    assert values(read_all(log, out)) == [b"once"]
    assert member.poll(timeout_ms=STEP_MS).records == ()
