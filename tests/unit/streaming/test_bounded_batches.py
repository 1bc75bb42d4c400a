"""A batch is bounded: its size by its time and output, and the CPU time of each record."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence

import pytest
from structlog.testing import capture_logs

from newsloom.streaming.batch_size import BATCH_BYTES_MAX, BATCH_S_MAX, BatchSize
from newsloom.streaming.log import Log
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.processing_limit import ProcessingLimit, ProcessingOverdue
from newsloom.streaming.records import Message, Record
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.step import Outcome
from newsloom.streaming.watchdog import Watchdog
from tests.conformance.clients import numbered, put, read_all
from tests.unit.streaming.tally import GROUP, IN, LETTERS, OUT, Tally, create_topics

ENDLESS = b"endless"
CPU_S_MAX = 0.2


class EndlessAtOneValue(Tally):
    """A step that never finishes a record with the value `ENDLESS`, after it has changed its state."""

    def process(self, records: Sequence[Record]) -> Outcome:
        outcome = super().process(records)
        while any(record.value == ENDLESS for record in records):
            pass
        return outcome


@pytest.fixture
def log() -> Iterator[Log]:
    log = open_sqlite("sqlite://")
    create_topics(log)
    yield log
    log.close()


@pytest.fixture
def limit() -> Iterator[ProcessingLimit]:
    before = signal.getsignal(signal.SIGPROF)
    limit = ProcessingLimit(CPU_S_MAX)
    limit.install()
    yield limit
    signal.signal(signal.SIGPROF, before)


def run_until_empty(log: Log, step: Tally, limit: ProcessingLimit, records_max: int = 100) -> None:
    config = LoopConfig(service="tally", dead_letter_topic=LETTERS, dead_letter_share_max=0.5, records_max=records_max)
    worker = log.worker(group=GROUP, instance="0", topics=step.input_topics)
    watchdog = Watchdog(on_hang=pytest.fail)
    loop = Loop(worker, step, config, stop=threading.Event(), watchdog=watchdog, limit=limit)
    for _ in range(10):
        loop.run_once()
        if not log.admin().backlog(GROUP, [IN]):
            return
    pytest.fail("the loop makes no progress")


def test_a_record_that_takes_too_long_becomes_a_dead_letter_and_the_others_are_processed_once(
    log: Log, limit: ProcessingLimit
) -> None:
    put(log, [*numbered(IN, 3), Message(IN, b"k", ENDLESS), *numbered(IN, 2), Message(IN, b"k", ENDLESS)])
    with capture_logs() as events:
        run_until_empty(log, EndlessAtOneValue(log), limit)
    letters = read_all(log, LETTERS)
    assert [(letter.value, letter.header("dead-letter-offset")) for letter in letters] == [
        (ENDLESS, "3"),
        (ENDLESS, "6"),
    ]
    reason = "processing it alone took more than 0.2 s of CPU time"
    assert {letter.header("dead-letter-reason") for letter in letters} == {reason}
    assert [record.value for record in read_all(log, OUT)] == [b"1", b"2", b"3", b"4", b"5"]
    # Together, then alone, each of them.
    assert [event["records"] for event in events if event["event"] == "batch.overdue"] == [7, 1, 1]


def test_a_call_within_the_limit_returns_its_result_and_a_later_one_is_interrupted(limit: ProcessingLimit) -> None:
    assert limit.run(lambda: 7) == 7

    def never() -> None:
        while True:
            pass

    with pytest.raises(ProcessingOverdue):
        limit.run(never)
    assert limit.run(lambda: 8) == 8
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "written_bytes"), [(2 * BATCH_S_MAX, 0), (0.0, 2 * BATCH_BYTES_MAX)], ids=["time", "output"]
)
def test_the_next_batch_is_half_as_long_after_one_over_a_bound(seconds: float, written_bytes: int) -> None:
    size = BatchSize(200)
    sizes = []
    for _ in range(9):
        size.observe(size.records, seconds, written_bytes)
        sizes.append(size.records)
    assert sizes == [100, 50, 25, 12, 6, 3, 1, 1, 1]
    for _ in range(9):
        size.observe(size.records, 0.1, 100)
    assert size.records == 200


def test_a_batch_that_was_shorter_than_allowed_halves_what_it_was() -> None:
    size = BatchSize(200)
    size.observe(40, 2 * BATCH_S_MAX, 0)
    assert size.records == 20
