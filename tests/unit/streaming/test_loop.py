"""The loop on a real log: what is committed, what is thrown away, what comes again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from structlog.testing import capture_logs

from newsloom.streaming.dead_letters import RECORDS_MIN, TooManyDeadLetters
from newsloom.streaming.errors import ConfigurationError, Fenced, LogUnavailable
from newsloom.streaming.log import Log, Worker
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.records import Batch, Message, TopicPartition
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


class AwayAtSecondPoll:
    """A worker on a real log that is away once."""

    def __init__(self, worker: Worker) -> None:
        self._polls = 0
        self._worker = worker

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        self._polls += 1
        if self._polls == 2:
            raise LogUnavailable("the broker is away")
        return self._worker.poll(max_records=max_records, timeout_ms=timeout_ms)

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        self._worker.commit(batch, messages)

    def close(self) -> None:
        self._worker.close()


def make_loop(
    log: Log, step: Tally, *, records_max: int = 100, stop: threading.Event | None = None, worker: Worker | None = None
) -> Loop:
    config = LoopConfig(service="tally", dead_letter_topic=LETTERS, dead_letter_share_max=0.5, records_max=records_max)
    # Set, so that a round that failed does not wait before the next one.
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
    """What the service has written for a partition."""
    reader = log.reader([TopicPartition(OUT, partition)], start="earliest")
    records = []
    while not reader.at_end():
        records += reader.poll(max_records=100, timeout_ms=100)
    return [int(record.value or b"") for record in records]


def take_over(log: Log, clock: ManualClock, *, upto: int) -> Member:
    """Another member takes the partition, as if ours had hung for a session, and numbers `upto` records."""
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


def test_an_output_that_cannot_be_written_commits_nothing(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 5))
    step = Tally(log)
    loop = make_loop(log, step)
    step.out = "missing"
    with pytest.raises(ConfigurationError, match="topic missing does not exist"):
        loop.run_once()
    assert (numbers(log), backlog(log)) == ([], 5)


def test_a_batch_is_bounded(log: Log) -> None:
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


def test_rejected_records_become_dead_letters_as_they_came(log: Log) -> None:
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


def test_a_batch_whose_partition_was_taken_leaves_no_trace(log: Log, clock: ManualClock) -> None:
    create_topics(log)
    put(log, numbered(IN, 4))
    step = Tally(log)
    loop = make_loop(log, step)
    rivals: list[Member] = []
    step.during = lambda: rivals.append(take_over(log, clock, upto=3))

    assert loop.run_once() == 0  # the rival was quicker: the commit fails
    assert step.calls[-1] == ("forget", 0)
    assert numbers(log) == [1, 2, 3]

    step.during = lambda: None
    clock.advance(SESSION_TIMEOUT_MS)  # the rival dies
    run_until(loop, lambda: backlog(log) == 0)
    assert step.calls[-2:] == [("restore", 0), ("process", 0)]
    assert numbers(log) == [1, 2, 3, 4]


def test_a_failed_commit_throws_the_state_away_even_if_the_partition_stays(log: Log, clock: ManualClock) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))
    step = Tally(log)
    loop = make_loop(log, step)

    def evicted_and_alone_again() -> None:
        step.during = lambda: None
        rival = take_over(log, clock, upto=0)
        clock.advance(SESSION_TIMEOUT_MS)
        rival.worker.close()

    step.during = evicted_and_alone_again
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


def test_a_log_that_is_away_during_a_restore_is_asked_again(log: Log) -> None:
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
    assert [loop.run_once() for _ in range(3)] == [0, 0, 2]  # the batch was in hand all the while
    assert (numbers(log), backlog(log)) == ([1, 2], 0)


class Doubtful(Tally):
    """Finds half a state at its first restore, before which something happens."""

    def __init__(self, log: Log, *, before: Callable[[], None] = lambda: None) -> None:
        super().__init__(log)
        self._before = before
        self._is_first = True

    def restore(self, partition: int) -> None:
        if self._is_first:
            self._is_first = False
            self._before()
            raise ConfigurationError("half a state")
        super().restore(partition)


def test_half_a_state_is_not_the_end_where_another_member_was_writing_it(log: Log, clock: ManualClock) -> None:
    create_topics(log)
    put(log, numbered(IN, 4))
    rivals: list[Member] = []
    step = Doubtful(log, before=lambda: rivals.append(take_over(log, clock, upto=3)))
    loop = make_loop(log, step)

    with capture_logs() as logged:
        assert loop.run_once() == 0
    assert {"event": "restore.overtaken", "log_level": "warning", "partition": 0, "error": "half a state"} in logged
    clock.advance(SESSION_TIMEOUT_MS)  # the rival dies
    run_until(loop, lambda: backlog(log) == 0)

    assert numbers(log) == [1, 2, 3, 4]


def test_half_a_state_of_a_partition_that_is_ours_is_the_end(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 2))
    with pytest.raises(ConfigurationError, match="half a state"):
        make_loop(log, Doubtful(log)).run_once()


def test_a_log_that_is_away_between_two_batches_costs_no_restore(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 4))
    step = Tally(log)
    worker = AwayAtSecondPoll(log.worker(group=GROUP, instance="0", topics=[IN]))
    loop = make_loop(log, step, records_max=2, worker=worker)
    assert [loop.run_once() for _ in range(3)] == [2, 0, 2]
    assert step.calls.count(("restore", 0)) == 1
    assert numbers(log) == [1, 2, 3, 4]


def test_a_stop_lets_the_batch_in_hand_end(log: Log) -> None:
    create_topics(log)
    put(log, numbered(IN, 6))
    stop = threading.Event()
    loop = make_loop(log, Tally(log, during=stop.set), records_max=4, stop=stop)
    loop.run()
    assert (numbers(log), backlog(log)) == ([1, 2, 3, 4], 2)


def test_a_service_that_was_replaced_stops(log: Log) -> None:
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
