"""Several members share a topic: assignment, takeover and late commits."""

from __future__ import annotations

from collections import Counter

import pytest

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.log import Log
from newsloom.streaming.records import Message, TopicPartition
from tests.conformance.clients import Member, numbered, partitions_of, put, read_all, steps, values
from tests.conformance.conftest import NewTopic
from tests.conformance.harness import LogHarness


def commit_next(member: Member, out: str) -> list[bytes | None]:
    """Copy up to three records to `out` and return the committed values: none if the commit fails."""
    batch = member.poll(max_records=3)
    try:
        member.worker.commit(batch, [Message(out, None, record.value) for record in batch.records])
    except CommitFailed:
        return []
    return values(batch.records)


def test_a_new_member_gets_its_share_and_the_first_one_loses_it(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in", partitions=4)
    everything = set(partitions_of(topic, 4))
    a = Member(log, unique, [topic], instance="a")
    a.poll_until(lambda: a.owned == everything)

    b = Member(harness.open(), unique, [topic], instance="b")
    b.poll_until(lambda: len(a.owned) == len(b.owned) == 2, a)

    assert a.owned | b.owned == everything


def test_partitions_of_one_number_go_to_the_same_member_if_the_topics_have_as_many(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topics = [new_topic(name, partitions=4) for name in ("a", "b", "c")]
    other = new_topic("d", partitions=2)
    members = [Member(log, unique, [*topics, other], instance="0")]

    def are_together() -> bool:
        for member in members:
            numbers = [{owned.partition for owned in member.owned if owned.topic == topic} for topic in topics]
            if not numbers[0] or numbers.count(numbers[0]) < len(topics):
                return False
        return {owned for member in members for owned in member.owned} == {
            *partitions_of(other, 2),
            *(source for topic in topics for source in partitions_of(topic, 4)),
        }

    members[0].poll_until(are_together)
    for instance in ("1", "2"):
        members.append(Member(harness.open(), unique, [*topics, other], instance=instance))
        members[0].poll_until(are_together, *members[1:])
    leaving = members.pop(1)
    leaving.worker.close()
    members[0].poll_until(are_together, *members[1:])


def test_a_topic_that_only_some_members_read_is_assigned_by_itself(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    old, new = new_topic("old", partitions=2), new_topic("new", partitions=2)
    before = Member(log, unique, [old], instance="0")
    before.poll_until(lambda: before.owned == set(partitions_of(old, 2)))
    after = Member(harness.open(), unique, [old, new], instance="1")
    everything = {*partitions_of(old, 2), *partitions_of(new, 2)}
    after.poll_until(lambda: before.owned | after.owned == everything, before)
    assert set(partitions_of(new, 2)) <= after.owned


def test_each_record_is_committed_once_through_a_rebalance(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic, out = new_topic("in", partitions=2), new_topic("out")
    put(log, numbered(topic, 20, partition=0) + numbered(topic, 20, partition=1, start=20))
    a = Member(log, unique, [topic], instance="a")
    a.take(8, lambda record: [Message(out, None, record.value)])
    b = Member(harness.open(), unique, [topic], instance="b")

    for _ in steps("all records committed"):
        if not log.admin().backlog(unique, [topic]):
            break
        for member in (a, b):
            commit_next(member, out)

    assert sorted(int(value or b"") for value in values(read_all(log, out))) == list(range(40))


def test_a_member_without_a_partition_waits_for_one(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    a = Member(log, unique, [topic], instance="a")
    a.poll_until(lambda: bool(a.owned))
    b = Member(harness.open(), unique, [topic], instance="b")
    put(log, numbered(topic, 2))
    assert len(a.take(2)) == 2
    assert b.poll().records == ()
    assert len(a.owned) + len(b.owned) == 1


def test_uncommitted_records_of_a_silent_member_go_to_another_and_its_late_commit_is_refused(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic, out = new_topic("in"), new_topic("out")
    put(log, numbered(topic, 3))
    zombie = Member(log, unique, [topic], instance="a")
    late = zombie.batch()

    harness.end_sessions()
    heir = Member(harness.open(), unique, [topic], instance="b")
    heir.take(3, lambda record: [Message(out, record.key, b"heir")])
    with pytest.raises(CommitFailed):
        zombie.worker.commit(late, [Message(out, b"k", b"zombie")])

    assert values(read_all(log, out)) == [b"heir"] * 3
    assert log.admin().backlog(unique, [topic]) == 0


def test_an_evicted_member_gets_its_losses_and_rejoins(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in", partitions=2)
    everything = set(partitions_of(topic, 2))
    a = Member(log, unique, [topic], instance="a")
    a.poll_until(lambda: a.owned == everything)

    harness.end_sessions()
    b = Member(harness.open(), unique, [topic], instance="b")
    b.poll_until(lambda: b.owned == everything)
    b.poll_until(lambda: len(a.owned) == len(b.owned) == 1, a)

    assert a.owned | b.owned == everything
    (mine,) = a.owned
    put(log, numbered(topic, 2, partition=mine.partition))
    assert len(a.take(2)) == 2


def test_a_partition_with_another_owner_in_between_is_lost_and_gained(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in")
    (only,) = partitions_of(topic, 1)
    a = Member(log, unique, [topic], instance="a")
    a.poll_until(lambda: a.owned == {only})

    harness.end_sessions()
    b = Member(harness.open(), unique, [topic], instance="b")
    b.poll_until(lambda: b.owned == {only})
    b.worker.close()
    harness.end_sessions()

    lost: list[TopicPartition] = []
    gained: list[TopicPartition] = []

    for _ in steps("the partition's return"):
        batch = a.poll()
        lost.extend(batch.lost)
        gained.extend(batch.gained)
        if gained:
            break
    assert (lost, gained, a.owned) == ([only], [only], {only})


def test_an_instance_that_restarts_after_a_crash_keeps_its_partitions(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in", partitions=4)
    a = Member(log, unique, [topic], instance="a")
    b = Member(harness.open(), unique, [topic], instance="b")
    b.poll_until(lambda: len(a.owned) == len(b.owned) == 2, a)
    before = set(a.owned)

    again = Member(harness.open(), unique, [topic], instance="a")
    again.poll_until(lambda: bool(again.owned), b)

    assert again.owned == before
    assert len(b.owned) == 2


def test_after_a_failed_commit_the_worker_continues_from_the_committed_offsets(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic, out = new_topic("in", partitions=2), new_topic("out")
    everything = set(partitions_of(topic, 2))
    put(log, numbered(topic, 5, partition=0) + numbered(topic, 5, partition=1, start=5))
    a = Member(log, unique, [topic], instance="a")
    a.take(2)
    late = a.batch()
    harness.end_sessions()
    b = Member(harness.open(), unique, [topic], instance="b")
    b.poll_until(lambda: b.owned == everything)

    with pytest.raises(CommitFailed):
        a.worker.commit(late, [Message(out, None, record.value) for record in late.records])
    assert read_all(log, out) == []

    b = Member(harness.open(), unique, [topic], instance="b")  # to read again what it polled while it waited
    committed: list[bytes | None] = []
    for _ in steps("all records committed"):
        if not log.admin().backlog(unique, [topic]):
            break
        for member in (a, b):
            committed += commit_next(member, out)
    assert len(committed) == 8
    assert Counter(values(read_all(log, out))) == Counter(committed)


def test_the_partitions_of_a_closed_member_go_to_the_others(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in", partitions=2)
    stays, leaves = Member(log, unique, [topic]), Member(harness.open(), unique, [topic], instance="1")
    stays.poll_until(lambda: len(stays.owned) == len(leaves.owned) == 1, leaves)
    leaves.worker.close()
    stays.poll_until(lambda: stays.owned == set(partitions_of(topic, 2)))


def test_a_replaced_process_that_closes_leaves_the_membership_of_its_successor(
    harness: LogHarness, log: Log, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in", partitions=2)
    other, old = Member(log, unique, [topic]), Member(harness.open(), unique, [topic], instance="1")
    other.poll_until(lambda: len(other.owned) == len(old.owned) == 1, old)
    new = Member(harness.open(), unique, [topic], instance="1")
    new.poll_until(lambda: len(new.owned) == 1, other)
    old.worker.close()
    for _ in range(10):
        for member in (new, other):
            member.poll()
    assert (len(new.owned), len(other.owned)) == (1, 1)
