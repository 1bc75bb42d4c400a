"""What the SQLite log promises beyond the port: a partition changes its owner at once, not at the old owner's next poll."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.clients import Member, numbered, partitions_of, put, read_all
from tests.conformance.harness import SESSION_TIMEOUT_MS, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log(clock: ManualClock) -> Iterator[Log]:
    log = open_sqlite("sqlite://", clock=clock, session_timeout_ms=SESSION_TIMEOUT_MS)
    log.admin().create([TopicSpec(name, 3, CleanupPolicy.DELETE) for name in ("in", "out")])
    yield log
    log.close()


def join(log: Log, instance: str) -> Member:
    member = Member(log, "group", ["in"], instance)
    member.poll(timeout_ms=0)
    return member


@pytest.mark.parametrize("records", [0, 3])
def test_a_batch_from_before_the_loss_of_a_partition_is_refused(log: Log, records: int) -> None:
    a = Member(log, "group", ["in"], "a")
    put(
        log,
        [message for number in range(3) for message in numbered("in", records, partition=number)] or numbered("out", 1),
    )
    before = log.admin().end_offsets(["out"])
    batch = a.poll(timeout_ms=0)
    Member(log, "group", ["in"], "b")

    with pytest.raises(CommitFailed, match="another member"):
        a.worker.commit(batch, [Message("out", None, b"late")])

    assert log.admin().end_offsets(["out"]) == before
    again = a.poll(timeout_ms=0)
    assert len(again.lost) == 1
    assert not again.gained
    assert len(again.records) == 2 * records, "of the partitions it kept, from the committed offsets"


def test_a_batch_of_kept_partitions_is_committed_when_others_were_gained(log: Log, clock: ManualClock) -> None:
    put(log, [message for number in range(3) for message in numbered("in", 1, partition=number)])
    b = join(log, "b")
    a = join(log, "a")
    clock.advance(SESSION_TIMEOUT_MS - 1)
    batch = a.poll(timeout_ms=0)
    a.worker.commit(batch, [])
    clock.advance(1)
    batch = a.poll(timeout_ms=0)
    assert a.owned == set(partitions_of("in", 3))
    assert batch.records
    a.worker.commit(batch, [])
    assert b.poll(timeout_ms=0).lost


def test_an_evicted_member_without_partitions_cannot_commit(log: Log, clock: ManualClock) -> None:
    members = [join(log, name) for name in "abcd"]
    without = members[-1]
    assert not without.owned
    batch = without.poll(timeout_ms=0)
    clock.advance(SESSION_TIMEOUT_MS)
    members[0].poll(timeout_ms=0)
    with pytest.raises(CommitFailed, match="did not poll or commit"):
        without.worker.commit(batch, [Message("out", None, b"late")])
    assert read_all(log, "out", 3) == []


def test_a_late_member_keeps_its_partitions_if_nobody_has_joined(log: Log, clock: ManualClock) -> None:
    put(log, numbered("in", 3, partition=0))
    a = join(log, "a")
    clock.advance(10 * SESSION_TIMEOUT_MS)
    batch = a.poll(timeout_ms=0)
    assert not batch.lost
    assert not batch.gained


def test_a_commit_renews_the_session(log: Log, clock: ManualClock) -> None:
    a = join(log, "a")
    batch = a.poll(timeout_ms=0)
    clock.advance(SESSION_TIMEOUT_MS - 1)
    a.worker.commit(batch, [])
    clock.advance(SESSION_TIMEOUT_MS - 1)
    b = join(log, "b")
    assert len(b.owned) == 1, "its share, not everything"


def test_partitions_take_turns_when_max_records_is_small(log: Log) -> None:
    put(log, [message for number in range(3) for message in numbered("in", 5, partition=number)])
    a = Member(log, "group", ["in"], "a")
    assert [a.poll(max_records=1, timeout_ms=0).records[0].partition for _ in range(6)] == [0, 1, 2, 0, 1, 2]


def test_messages_without_a_key_are_distributed_round_robin(log: Log) -> None:
    put(log, [Message("in", None, b"%d" % i) for i in range(4)])
    put(log, [Message("in", None, b"%d" % i) for i in range(4, 6)])
    assert {record.value: record.partition for record in read_all(log, "in", 3)} == {b"%d" % i: i % 3 for i in range(6)}


def test_a_clock_set_back_delays_the_takeover_of_a_dead_member_by_no_more_than_a_session(
    log: Log, clock: ManualClock
) -> None:
    join(log, "dead")
    alive = join(log, "alive")
    taken = set(partitions_of("in", 3)) - alive.owned
    clock.advance(-3_600_000)
    alive.poll(timeout_ms=0)
    clock.advance(SESSION_TIMEOUT_MS - 1)
    assert not alive.poll(timeout_ms=0).gained
    clock.advance(1)
    assert alive.poll(timeout_ms=0).gained == taken
    assert alive.owned == set(partitions_of("in", 3))


def test_a_member_that_lives_through_a_clock_set_back_and_forward_keeps_its_partitions(
    log: Log, clock: ManualClock
) -> None:
    members = [join(log, "a"), join(log, "b")]
    for member in members:
        member.poll(timeout_ms=0)
    before = [member.owned for member in members]
    for step_ms in (-3_600_000, SESSION_TIMEOUT_MS // 2, SESSION_TIMEOUT_MS // 2, -1_000, SESSION_TIMEOUT_MS // 2):
        clock.advance(step_ms)
        for member in members:
            assert not member.poll(timeout_ms=0).lost
    assert [member.owned for member in members] == before
