"""The loop on a real log: commits, discarded state, and records that are polled again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from structlog.testing import capture_logs

from newsloom.streaming.dead_letters import RECORDS_MIN, TooManyDeadLetters
from newsloom.streaming.errors import CommitFailed, ConfigurationError, Fenced, LogUnavailable
from newsloom.streaming.log import Log, Worker
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.records import Batch, Message, TopicPartition
from newsloom.streaming.restore import RECORDS_MAX, RestoreProgress
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.watchdog import Watchdog
from tests.conformance.clients import Member, numbered, put, read_all, steps, values
from tests.conformance.harness import SESSION_TIMEOUT_MS, ManualClock
from tests.unit.streaming.tally import GROUP, IN, LETTERS, OUT, UNREADABLE, Tally, create_topics


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log(clock: ManualClock) -> Iterator[Log]:
    log = open_sqlite("sqlite://", clock=clock, session_timeout_ms=SESSION_TIMEOUT_MS)
    yield log
    log.close()


class UnavailableAtSecondPoll:
    """A worker on a real log that is unavailable at its second poll, and at the next ones up to `last`."""

    def __init__(self, worker: Worker, *, last: int = 2) -> None:
        self._polls = 0
        self._last = last
        self._worker = worker

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        self._polls += 1
        if 2 <= self._polls <= self._last:
            raise LogUnavailable("the broker is away")
        return self._worker.poll(max_records=max_records, timeout_ms=timeout_ms)

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        self._worker.commit(batch, messages)

    def close(self) -> None:
        self._worker.close()


class FirstCommitsRefused:
    """A worker on a real log whose first commits fail."""

    def __init__(self, worker: Worker, *, commits: int) -> None:
        self._refused = commits
        self._worker = worker

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        return self._worker.poll(max_records=max_records, timeout_ms=timeout_ms)

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        if not self._refused:
            self._worker.commit(batch, messages)
            return
        self._refused -= 1
        try:
            self._worker.commit(batch, [Message("missing", None, None)])
        except ConfigurationError as error:
            raise CommitFailed(str(error)) from error

    def close(self) -> None:
        self._worker.close()


def make_loop(
    log: Log, step: Tally, *, records_max: int = 100, stop: threading.Event | None = None, worker: Worker | None = None
) -> Loop:
    config = LoopConfig(service="tally", dead_letter_topic=LETTERS, dead_letter_share_max=0.5, records_max=records_max)
    # Set, so that the loop does not wait after a failed round.
    stop = stop or _set()
    worker = worker or log.worker(group=GROUP, instance="0", topics=step.input_topics)
    return Loop(worker, step, config, stop=stop, watchdog=Watchdog(on_hang=pytest.fail))


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def run_until(loop: Loop, condition: Callable[[], bool]) -> None:
    for _ in steps("the loop"):
        if condition():
            return
        loop.run_once()


def backlog(log: Log) -> int:
    return log.admin().backlog(GROUP, [IN])


def numbers(log: Log, partition: int = 0) -> list[int]:
    """Return the numbers that the service has written for a partition."""
    reader = log.reader([TopicPartition(OUT, partition)], start="earliest")
    records = []
    while not reader.at_end():
        records += reader.poll(max_records=100, timeout_ms=100)
    return [int(record.value or b"") for record in records]


def take_over(log: Log, clock: ManualClock, *, upto: int) -> Member:
    """Let another member take the partition, as after an expired session, and number records until there are `upto`."""
    clock.advance(SESSION_TIMEOUT_MS)
    rival = Member(log, GROUP, [IN], instance="rival")
    given = iter(range(len(numbers(log)) + 1, upto + 1))
    rival.take(upto - len(numbers(log)), lambda record: [Message(OUT, record.key, b"%d" % next(given))])
    return rival


def test_outputs_and_offsets_are_committed_together(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 5))
    loop = make_loop(log, Tally(log))
    assert loop.run_once() == 5
    assert numbers(log) == [1, 2, 3, 4, 5]
    assert backlog(log) == 0
    assert loop.run_once() == 0


def test_an_invalid_output_commits_nothing(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 5))
    step = Tally(log)
    loop = make_loop(log, step)
    step.out = "missing"
    with pytest.raises(ConfigurationError, match="topic missing does not exist"):
        loop.run_once()
    assert (numbers(log), backlog(log)) == ([], 5)


def test_records_max_limits_a_batch(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 5))
    loop = make_loop(log, Tally(log), records_max=2)
    assert [loop.run_once() for _ in range(3)] == [2, 2, 1]


def test_state_is_restored_before_the_first_record(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))
    make_loop(log, Tally(log)).run_once()
    put(log, numbered(IN, 2, start=2), writer="second")

    step = Tally(log)
    make_loop(log, step).run_once()

    assert step.calls == [("restore", 0), ("process", 0), ("process", 0)]
    assert numbers(log) == [1, 2, 3, 4]


def test_rejected_records_become_dead_letters_unchanged(log: Log) -> None:
    create_topics(log)
    headers = (("ce_id", b"7"), ("ce_id", b"\xff\x00"), ("trace", b""))
    put(log, [Message(IN, b"\xfe", UNREADABLE, headers=headers, timestamp_ms=77), *numbered(IN, 2)])
    loop = make_loop(log, Tally(log))
    assert loop.run_once() == 3
    (letter,) = read_all(log, LETTERS)
    assert (letter.key, letter.value) == (b"\xfe", UNREADABLE)
    assert letter.headers == (
        *headers,
        ("dead-letter-reason", b"this cannot be read"),
        ("dead-letter-service", b"tally"),
        ("dead-letter-topic", b"in"),
        ("dead-letter-partition", b"0"),
        ("dead-letter-offset", b"0"),
        ("dead-letter-timestamp", b"77"),
    )
    assert numbers(log) == [1, 2]
    assert backlog(log) == 0


def test_a_batch_of_a_reassigned_partition_commits_nothing(log: Log, clock: ManualClock) -> None:
    create_topics(log)
    put(log, numbered(IN, 4))
    step = Tally(log)
    loop = make_loop(log, step)
    rivals: list[Member] = []
    step.during = lambda: rivals.append(take_over(log, clock, upto=3))

    assert loop.run_once() == 0  # the rival was faster: the commit fails
    assert step.calls[-1] == ("forget", 0)
    assert numbers(log) == [1, 2, 3]

    step.during = lambda: None
    clock.advance(SESSION_TIMEOUT_MS)  # the rival dies
    run_until(loop, lambda: backlog(log) == 0)
    assert step.calls[-2:] == [("restore", 0), ("process", 0)]
    assert numbers(log) == [1, 2, 3, 4]


def test_a_failed_commit_discards_the_state_even_if_the_partition_stays(log: Log, clock: ManualClock) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))
    step = Tally(log)
    loop = make_loop(log, step)

    def lose_and_regain_partition() -> None:
        step.during = lambda: None
        rival = take_over(log, clock, upto=0)
        clock.advance(SESSION_TIMEOUT_MS)
        rival.worker.close()

    step.during = lose_and_regain_partition
    assert loop.run_once() == 0
    run_until(loop, lambda: backlog(log) == 0)
    processed = ("process", 0)
    assert step.calls == [("restore", 0), processed, processed, ("forget", 0), ("restore", 0), processed, processed]
    assert numbers(log) == [1, 2]


def test_only_the_state_of_a_lost_partition_is_forgotten(log: Log, clock: ManualClock) -> None:
    create_topics(log, partitions=2)
    step = Tally(log)
    loop = make_loop(log, step)
    run_until(loop, lambda: len(step.calls) == 2)
    assert step.calls == [("restore", 0), ("restore", 1)]

    other = Member(log, GROUP, [IN], instance="1")
    run_until(loop, lambda: len(step.calls) == 3)
    other.poll()
    (lost,) = other.owned
    assert step.calls[2] == ("forget", lost.partition)

    put(log, numbered(IN, 3, partition=lost.partition))
    count = iter((1, 2, 3))
    other.take(2, lambda record: [Message(OUT, record.key, b"%d" % next(count), partition=record.partition)])
    clock.advance(SESSION_TIMEOUT_MS)  # the other dies
    run_until(loop, lambda: backlog(log) == 0)
    assert step.calls[3:] == [("restore", lost.partition), ("process", lost.partition)]
    assert numbers(log, lost.partition) == [1, 2, 3]


def test_a_restore_is_retried_while_the_log_is_unavailable(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))

    class Interrupted(Tally):
        failures = 2

        def restore(self, partition: int) -> None:
            if self.failures:
                self.failures -= 1
                raise LogUnavailable("the broker is away")
            super().restore(partition)

    loop = make_loop(log, Interrupted(log))
    assert [loop.run_once() for _ in range(3)] == [0, 0, 2]  # the loop has kept the batch
    assert (numbers(log), backlog(log)) == ([1, 2], 0)


class FailsFirstRestore(Tally):
    """Raises `ConfigurationError` at its first restore, after a call of `before`."""

    def __init__(self, log: Log, *, before: Callable[[], None] = lambda: None) -> None:
        super().__init__(log)
        self._before = before
        self._is_first = True

    def restore(self, partition: int) -> None:
        if self._is_first:
            self._is_first = False
            self._before()
            raise ConfigurationError("incomplete state")
        super().restore(partition)


def test_incomplete_state_is_no_error_if_the_partition_was_lost(log: Log, clock: ManualClock) -> None:
    create_topics(log)
    put(log, numbered(IN, 4))
    rivals: list[Member] = []
    step = FailsFirstRestore(log, before=lambda: rivals.append(take_over(log, clock, upto=3)))
    loop = make_loop(log, step)

    with capture_logs() as logged:
        assert loop.run_once() == 0
    assert {"event": "restore.overtaken", "log_level": "warning", "partition": 0, "error": "incomplete state"} in logged
    clock.advance(SESSION_TIMEOUT_MS)  # the rival dies
    run_until(loop, lambda: backlog(log) == 0)

    assert numbers(log) == [1, 2, 3, 4]


def test_incomplete_state_of_an_assigned_partition_is_an_error(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))
    with pytest.raises(ConfigurationError, match="incomplete state"):
        make_loop(log, FailsFirstRestore(log)).run_once()


def test_an_unavailable_log_between_two_batches_needs_no_restore(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 4))
    step = Tally(log)
    worker = UnavailableAtSecondPoll(log.worker(group=GROUP, instance="0", topics=[IN]))
    loop = make_loop(log, step, records_max=2, worker=worker)
    assert [loop.run_once() for _ in range(3)] == [2, 0, 2]
    assert step.calls.count(("restore", 0)) == 1
    assert numbers(log) == [1, 2, 3, 4]


def test_an_unavailable_log_is_logged_when_it_begins_and_when_it_ends(log: Log) -> None:
    create_topics(log)
    worker = UnavailableAtSecondPoll(log.worker(group=GROUP, instance="0", topics=[IN]), last=6)
    loop = make_loop(log, Tally(log), worker=worker)
    with capture_logs() as logged:
        for _ in range(8):
            loop.run_once()
    away, back = logged
    assert (away["event"], away["error"]) == ("log.unavailable", "the broker is away")
    assert (back["event"], back["times"]) == ("log.available", 5)


def test_commits_that_fail_are_logged_when_it_begins_and_when_it_ends(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))
    worker = FirstCommitsRefused(log.worker(group=GROUP, instance="0", topics=[IN]), commits=3)
    loop = make_loop(log, Tally(log), worker=worker)
    with capture_logs() as logged:
        run_until(loop, lambda: backlog(log) == 0)
    failed, recovered = (line for line in logged if line["log_level"] != "debug")
    assert failed["event"] == "commit.failed"
    assert (recovered["event"], recovered["times"]) == ("commit.recovered", 3)


def test_a_stop_finishes_the_current_batch(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 6))
    stop = threading.Event()
    loop = make_loop(log, Tally(log, during=stop.set), records_max=4, stop=stop)
    loop.run()
    assert (numbers(log), backlog(log)) == ([1, 2, 3, 4], 2)


def test_a_stop_during_a_restore_ends_the_loop_at_the_next_step_and_commits_nothing(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))
    put(log, numbered(OUT, 3 * RECORDS_MAX))
    stop = threading.Event()
    progress = RestoreProgress(Watchdog(), Metrics(), stop=stop)
    read: list[int] = []

    class Interrupted(Tally):
        def restore(self, partition: int) -> None:
            for record in progress.read_to_end(log, TopicPartition(OUT, partition)):
                read.append(record.offset)
                stop.set()
            super().restore(partition)

    make_loop(log, Interrupted(log), stop=stop).run()
    assert len(read) == RECORDS_MAX, "the records of the first poll"
    assert (len(numbers(log)), backlog(log)) == (3 * RECORDS_MAX, 2)


def test_a_replaced_service_stops(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))
    step = Tally(log)
    loop = make_loop(log, step, stop=threading.Event())
    step.during = lambda: values(Member(log, GROUP, [IN]).take(2)).clear()
    with pytest.raises(Fenced):
        loop.run()
    assert numbers(log) == []


def test_too_many_dead_letters_stop_the_service_and_commit_nothing(log: Log) -> None:
    create_topics(log)
    put(log, [Message(IN, None, UNREADABLE)] * RECORDS_MIN)
    loop = make_loop(log, Tally(log), stop=threading.Event())
    with pytest.raises(TooManyDeadLetters, match="this cannot be read"):
        loop.run()
    assert (read_all(log, LETTERS), backlog(log)) == ([], RECORDS_MIN)
