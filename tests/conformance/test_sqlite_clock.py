"""Clocks that are wrong or step: what the SQLite log refuses, and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsloom.streaming.errors import ClockRefused
from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.sqlite.cleanup import COMPACTION_LAG_MS, TOMBSTONE_RETENTION_MS
from newsloom.streaming.sqlite.clock import AHEAD_MAX_MS
from tests.conformance.clients import Member, numbered, put, read_all, values
from tests.conformance.harness import ManualClock

DAY_MS = 86_400_000


def open_with(clock: ManualClock) -> Log:
    log = open_sqlite("sqlite://", clock=clock)
    log.admin().create(
        [
            TopicSpec("in", 1, CleanupPolicy.DELETE, retention_ms=14 * DAY_MS),
            TopicSpec("state", 1, CleanupPolicy.COMPACT),
            TopicSpec("other", 1, CleanupPolicy.DELETE),
        ]
    )
    return log


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log(clock: ManualClock) -> Iterator[Log]:
    log = open_with(clock)
    yield log
    log.close()


@pytest.mark.parametrize("days", [20, 400])
def test_a_write_far_ahead_of_the_last_one_is_refused_and_deletes_nothing(
    log: Log, clock: ManualClock, days: int
) -> None:
    put(log, numbered("in", 3))
    clock.advance(days * DAY_MS)
    with pytest.raises(
        ClockRefused, match=rf"20\d\d-.* UTC, {days} days after .* \(2025-06-15 15:06:40 UTC\): .*confirm-clock"
    ):
        put(log, numbered("in", 1, start=3))
    clock.advance(-days * DAY_MS)
    assert values(read_all(log, "in")) == [b"0", b"1", b"2"]
    put(log, numbered("in", 1, start=3))
    assert read_all(log, "in")[-1].timestamp_ms == clock.now_ms


def test_the_first_write_and_one_within_a_week_need_no_confirmation(log: Log, clock: ManualClock) -> None:
    put(log, numbered("in", 1))
    clock.advance(AHEAD_MAX_MS)
    put(log, numbered("in", 1, start=1))
    assert len(read_all(log, "in")) == 2


def test_a_confirmed_clock_is_accepted(log: Log, clock: ManualClock) -> None:
    put(log, numbered("in", 1))
    clock.advance(400 * DAY_MS)
    assert log.admin().confirm_clock() == clock.now_ms
    put(log, numbered("in", 1, start=1))
    assert [record.timestamp_ms for record in read_all(log, "in")][-1] == clock.now_ms


def test_a_worker_is_refused_when_it_joins_polls_and_commits(log: Log, clock: ManualClock) -> None:
    put(log, numbered("in", 3))
    member = Member(log, "group", ["in"])
    batch = member.poll()
    clock.advance(20 * DAY_MS)
    with pytest.raises(ClockRefused):
        member.worker.commit(batch, [])
    with pytest.raises(ClockRefused):
        member.poll()
    with pytest.raises(ClockRefused):
        Member(log, "group", ["in"], "other")
    clock.advance(-20 * DAY_MS)
    member.worker.commit(batch, [])
    assert log.admin().backlog("group", ["in"]) == 0


def test_a_group_that_polls_keeps_a_log_without_writes_in_use(log: Log, clock: ManualClock) -> None:
    put(log, numbered("in", 1))
    member = Member(log, "group", ["in"])
    for _ in range(10):
        clock.advance(3 * DAY_MS)
        member.poll(timeout_ms=0)
    put(log, numbered("in", 1, start=1))


def test_a_value_is_deleted_before_its_tombstone_after_a_clock_was_ahead(log: Log, clock: ManualClock) -> None:
    put(log, [Message("state", b"a", b"1")])
    clock.advance(5 * DAY_MS)
    put(log, [Message("state", b"a", b"2")])
    clock.advance(-5 * DAY_MS)
    put(log, [Message("state", b"a", None)])
    clock.advance(TOMBSTONE_RETENTION_MS)
    put(log, numbered("other", 1))
    assert values(read_all(log, "state"))[-1:] == [None], "a reader must not take a value for the latest"


def test_a_confirmation_lets_compaction_go_on_after_a_clock_was_ahead(log: Log, clock: ManualClock) -> None:
    put(log, [Message("state", b"a", b"1")])
    clock.advance(400 * DAY_MS)
    log.admin().confirm_clock()
    put(log, [Message("state", b"a", b"2"), Message("state", b"b", None)])
    clock.advance(-400 * DAY_MS)
    log.admin().confirm_clock()
    put(log, [Message("state", b"a", b"3")])
    clock.advance(TOMBSTONE_RETENTION_MS)
    put(log, numbered("other", 1))
    assert values(read_all(log, "state")) == [b"3"]


steps = st.lists(
    st.tuples(
        st.just(b"a"),
        st.sampled_from([b"1", b"2", None]),
        st.sampled_from([0, -6 * DAY_MS, 6 * DAY_MS, COMPACTION_LAG_MS, TOMBSTONE_RETENTION_MS]),
        st.integers(0, 4).map(lambda drawn: drawn == 4),
    ),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_no_step_of_a_clock_shows_a_reader_an_old_value(script: list[tuple[bytes, bytes | None, int, bool]]) -> None:
    clock = ManualClock()
    log = open_with(clock)
    expected: dict[bytes | None, bytes] = {}
    for key, value, step_ms, confirm in script:
        put(log, [Message("state", key, value)], writer="script")
        expected.pop(key, None)
        if value is not None:
            expected[key] = value
        clock.advance(step_ms)
        if confirm:
            log.admin().confirm_clock()
        put(log, numbered("other", 1))
        latest = {record.key: record.value for record in read_all(log, "state")}
        assert {key: value for key, value in latest.items() if value is not None} == expected
    log.close()
