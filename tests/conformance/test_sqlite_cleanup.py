"""Retention and compaction of the SQLite log, on a manual clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec
from newsloom.streaming.records import Message, TopicPartition
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.sqlite.cleanup import COMPACTION_LAG_MS, TOMBSTONE_RETENTION_MS
from tests.conformance.clients import Member, numbered, partitions_of, put, read_all, read_to_end, values
from tests.conformance.harness import ManualClock

HOUR_MS = 3_600_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log(clock: ManualClock) -> Iterator[Log]:
    log = open_sqlite("sqlite://", clock=clock)
    log.admin().create(
        [
            TopicSpec("short", 2, CleanupPolicy.DELETE, retention_ms=HOUR_MS),
            TopicSpec("kept", 1, CleanupPolicy.DELETE),
            TopicSpec("state", 2, CleanupPolicy.COMPACT),
            TopicSpec("other", 1, CleanupPolicy.DELETE),
        ]
    )
    yield log
    log.close()


def clean_up(log: Log) -> None:
    """Write a record to another topic: each write cleans up."""
    put(log, [Message("other", None, None)])


def state(*pairs: tuple[bytes, bytes | None]) -> list[Message]:
    return [Message("state", key, value, partition=0) for key, value in pairs]


def contents(log: Log) -> list[tuple[bytes | None, bytes | None]]:
    return [(record.key, record.value) for record in read_all(log, "state")]


def test_records_are_deleted_after_their_retention(log: Log, clock: ManualClock) -> None:
    put(log, numbered("short", 5, partition=0) + numbered("kept", 5))
    clock.advance(HOUR_MS)
    put(log, numbered("short", 2, partition=0, start=5))
    assert len(read_all(log, "short", 2)) == 7, "not yet older than the retention"
    clock.advance(1)
    clean_up(log)
    assert values(read_all(log, "short", 2)) == [b"5", b"6"]
    assert log.admin().start_offsets(["short"]) == {TopicPartition("short", 0): 5, TopicPartition("short", 1): 0}
    assert len(read_all(log, "kept")) == 5


def test_retention_uses_the_timestamp_of_the_record(log: Log, clock: ManualClock) -> None:
    old, new = clock() - 2 * HOUR_MS, clock()
    put(log, [Message("short", None, b"%d" % at, partition=0, timestamp_ms=at) for at in (old, new, old)])
    clean_up(log)
    assert values(read_all(log, "short", 2)) == [b"%d" % new, b"%d" % old], "only from the head, without gaps"


def test_offsets_continue_after_all_records_were_deleted(log: Log, clock: ManualClock) -> None:
    put(log, numbered("short", 5, partition=0))
    clock.advance(HOUR_MS + 1)
    clean_up(log)
    assert read_all(log, "short", 2) == []
    assert log.admin().start_offsets(["short"])[TopicPartition("short", 0)] == 5
    put(log, numbered("short", 1, partition=0, start=5))
    (record,) = read_all(log, "short", 2)
    assert record.offset == 5


def test_a_new_group_begins_after_the_deleted_records(log: Log, clock: ManualClock) -> None:
    put(log, numbered("short", 5, partition=0))
    assert log.admin().backlog("group", ["short"]) == 5
    clock.advance(HOUR_MS + 1)
    clean_up(log)
    assert log.admin().backlog("group", ["short"]) == 0
    put(log, numbered("short", 2, partition=0, start=5))
    assert log.admin().backlog("group", ["short"]) == 2
    assert values(Member(log, "group", ["short"]).take(2)) == [b"5", b"6"]


def test_records_that_a_group_has_still_to_read_are_kept(log: Log, clock: ManualClock) -> None:
    put(log, numbered("short", 5, partition=0))
    member = Member(log, "group", ["short"])
    batch = member.poll(2)
    member.worker.commit(batch, [])
    # A service was away for long.
    clock.advance(400 * 24 * HOUR_MS)
    log.admin().confirm_clock()
    clean_up(log)
    assert values(read_all(log, "short", 2)) == [b"2", b"3", b"4"]
    assert log.admin().backlog("group", ["short"]) == 3
    assert values(member.take(3)) == [b"2", b"3", b"4"]
    clean_up(log)
    assert read_all(log, "short", 2) == []


def test_the_slowest_group_decides_and_one_that_has_joined_begins_at_the_first_record(
    log: Log, clock: ManualClock
) -> None:
    put(log, numbered("short", 3, partition=0))
    Member(log, "fast", ["short"]).take(3)
    Member(log, "slow", ["short"]).poll(timeout_ms=0)
    clock.advance(HOUR_MS + 1)
    clean_up(log)
    assert values(read_all(log, "short", 2)) == [b"0", b"1", b"2"]


def test_only_the_last_records_of_a_partition_are_kept_for_a_group_that_does_not_return(
    log: Log, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsloom.streaming.sqlite.cleanup.UNREAD_MAX", 2)
    Member(log, "group", ["short"]).poll(timeout_ms=0)
    put(log, numbered("short", 5, partition=0))
    clock.advance(HOUR_MS + 1)
    with capture_logs() as logged:
        clean_up(log)
        assert values(read_all(log, "short", 2)) == [b"3", b"4"]
        clean_up(log)
    assert [line["event"] for line in logged] == ["retention.unread-deleted"]


def test_deletion_keeps_up_with_any_traffic_in_bounded_transactions(log: Log, clock: ManualClock) -> None:
    put(log, numbered("short", 3_000, partition=0))
    clock.advance(HOUR_MS + 1)
    put(log, numbered("other", 100))
    assert len(read_all(log, "short", 2)) == 2_700, "200 and 100 more are deleted"
    for _ in range(27):
        clean_up(log)
    assert read_all(log, "short", 2) == []


def test_a_replaced_value_is_deleted_after_the_lag(log: Log, clock: ManualClock) -> None:
    put(log, state((b"a", b"1"), (b"b", b"1")))
    put(log, state((b"a", b"2")))
    clock.advance(COMPACTION_LAG_MS - 1)
    clean_up(log)
    assert contents(log) == [(b"a", b"1"), (b"b", b"1"), (b"a", b"2")]
    clock.advance(1)
    clean_up(log)
    assert contents(log) == [(b"b", b"1"), (b"a", b"2")]


def test_values_replaced_within_one_transaction_are_deleted(log: Log, clock: ManualClock) -> None:
    put(log, state((b"a", b"1"), (b"a", b"2"), (b"a", b"3")))
    clock.advance(COMPACTION_LAG_MS)
    clean_up(log)
    assert contents(log) == [(b"a", b"3")]


def test_the_same_key_in_two_partitions_is_two_keys(log: Log, clock: ManualClock) -> None:
    put(log, [Message("state", b"a", b"0", partition=0), Message("state", b"a", b"1", partition=1)])
    clock.advance(TOMBSTONE_RETENTION_MS)
    clean_up(log)
    assert values(read_all(log, "state", 2)) == [b"0", b"1"]


def test_a_tombstone_stays_for_a_day(log: Log, clock: ManualClock) -> None:
    put(log, state((b"a", b"1")))
    put(log, state((b"a", None)))
    clock.advance(COMPACTION_LAG_MS)
    clean_up(log)
    assert contents(log) == [(b"a", None)]
    clock.advance(TOMBSTONE_RETENTION_MS - COMPACTION_LAG_MS - 1)
    clean_up(log)
    assert contents(log) == [(b"a", None)]
    clock.advance(1)
    clean_up(log)
    assert contents(log) == []


def test_a_key_written_again_survives_its_old_tombstone(log: Log, clock: ManualClock) -> None:
    put(log, state((b"a", None)))
    put(log, state((b"a", b"back")))
    clock.advance(TOMBSTONE_RETENTION_MS)
    clean_up(log)
    assert contents(log) == [(b"a", b"back")]
    put(log, state((b"a", b"later")))
    clock.advance(COMPACTION_LAG_MS)
    clean_up(log)
    assert contents(log) == [(b"a", b"later")]


def test_a_reader_in_the_middle_gets_a_value_of_every_key(log: Log, clock: ManualClock) -> None:
    put(log, state(*((b"k%d" % i, b"old") for i in range(20))))
    reader = log.reader(partitions_of("state", 1), start="earliest")
    seen = reader.poll(max_records=5, timeout_ms=0)
    put(log, state(*((b"k%d" % i, b"new") for i in range(20))))
    clock.advance(COMPACTION_LAG_MS - 1)
    clean_up(log)
    seen += read_to_end(reader)
    assert {record.key for record in seen} == {b"k%d" % i for i in range(20)}


def test_a_reader_whose_records_were_compacted_is_at_the_end_at_once(log: Log, clock: ManualClock) -> None:
    put(log, state(*((b"k%d" % i, b"old") for i in range(20))))
    reader = log.reader(partitions_of("state", 1), start="earliest")
    put(log, state(*((b"k%d" % i, b"new") for i in range(20))))
    clock.advance(COMPACTION_LAG_MS)
    clean_up(log)
    assert len(reader.poll(max_records=100, timeout_ms=0)) == 20
    assert reader.at_end()
    assert reader.fraction_read() == 1.0


def test_the_size_of_a_compacted_topic_is_bounded_by_its_keys(log: Log, clock: ManualClock) -> None:
    for i in range(200):
        put(log, state(*((b"k%d" % key, b"%d" % i) for key in range(10))))
        clock.advance(COMPACTION_LAG_MS // 10)
    assert len(read_all(log, "state")) <= 10 * (10 + 1), "the latest records, and those replaced within the lag"
    assert log.admin().end_offsets(["state"])[TopicPartition("state", 0)] == 2_000


steps = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.sampled_from([b"1", b"2", None])), max_size=5),
        st.sampled_from([0, COMPACTION_LAG_MS // 2, COMPACTION_LAG_MS, TOMBSTONE_RETENTION_MS]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_compaction_keeps_the_last_values(
    script: list[tuple[list[tuple[bytes, bytes | None]], int]],
) -> None:
    clock = ManualClock()
    log = open_sqlite("sqlite://", clock=clock)
    log.admin().create([TopicSpec("state", 1, CleanupPolicy.COMPACT), TopicSpec("other", 1, CleanupPolicy.DELETE)])
    expected: dict[bytes, bytes] = {}
    for pairs, wait_ms in script:
        put(log, [*state(*pairs), Message("other", None, None)], writer="script")
        for key, value in pairs:
            expected.pop(key, None)
            if value is not None:
                expected[key] = value
        clock.advance(wait_ms)
        put(log, [Message("other", None, None)])
        restored: dict[bytes | None, bytes | None] = dict(contents(log))
        assert {key: value for key, value in restored.items() if value is not None} == expected
    log.close()
