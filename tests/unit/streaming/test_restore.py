"""A restore reports its progress, and the watchdog does not take it for a hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from newsloom.streaming.errors import LogUnavailable
from newsloom.streaming.log import Log
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record, TopicPartition
from newsloom.streaming.restore import LOG_EVERY_S, RECORDS_MAX, RestoreProgress, RestoreStopped
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.rebuild_progress import RebuildProgress
from tests.conformance.clients import numbered, put
from tests.unit.streaming.tally import OUT, create_topics

SOURCE = TopicPartition(OUT, 0)


class SlowClock:
    """A monotonic clock: two seconds pass at each reading."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 2
        return self.now_s


class SilentReader:
    """A reader of a log that returns no records for three polls, with a tick of the watchdog at each, and is unavailable then."""

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        self._polls = 0

    def poll(self, *, max_records: int, timeout_ms: int) -> list[Record]:  # noqa: ARG002 - the signature of the port
        if self._polls == 3:
            raise LogUnavailable("no answer")
        self._polls += 1
        self._watchdog.tick()
        return []

    def at_end(self) -> bool:
        return False

    def fraction_read(self) -> float:
        return 0.1

    def close(self) -> None:
        pass


@pytest.fixture
def log() -> Iterator[Log]:
    with closing(open_log_url("sqlite://")) as log:
        create_topics(log)
        yield log


def test_progress_is_logged_every_few_seconds(log: Log) -> None:
    put(log, numbered(OUT, 6 * RECORDS_MAX))
    with capture_logs() as lines:
        progress = RestoreProgress(Watchdog(), Metrics(), clock=SlowClock())
        progress.begin(0)
        assert len(list(progress.read_to_end(log, SOURCE))) == 6 * RECORDS_MAX
        rebuild = RebuildProgress(progress)
        for articles in range(0, 100, 10):
            rebuild.advance(0, articles, 100)
        rebuild.end(0, editions=1, articles=100)

    logged = [line for line in lines if line["event"] == "restore.progress"]
    assert [line["fraction"] for line in logged if line["part"] == OUT] == [0.5, 1.0]
    assert [line["records"] for line in logged if line["part"] == OUT] == [3 * RECORDS_MAX, 6 * RECORDS_MAX]
    assert [line["articles"] for line in logged if line["part"] == "build"] == [20, 50, 80]
    assert LOG_EVERY_S == 5, "three readings of the clock"
    (read,) = [line for line in lines if line["event"] == "restore.read"]
    assert (read["topic"], read["records"]) == (OUT, 6 * RECORDS_MAX)
    (ended,) = [line for line in lines if line["event"] == "partition.restored"]
    assert (ended["articles"], ended["editions"]) == (100, 1)


def test_a_restore_may_take_longer_than_the_watchdog_waits_while_it_makes_progress(log: Log) -> None:
    """Two of three ticks pass at each step: without a beat at each step the watchdog would end the process at the second."""
    put(log, numbered(OUT, 6 * RECORDS_MAX))
    hung: list[int] = []
    watchdog = Watchdog(ticks_max=3, on_hang=lambda: hung.append(1))
    progress = RestoreProgress(watchdog, Metrics())
    progress.begin(0)
    for number, _ in enumerate(progress.read_to_end(log, SOURCE), start=1):
        if number % RECORDS_MAX == 0:
            watchdog.tick()
            watchdog.tick()
    rebuild = RebuildProgress(progress)
    for articles in range(5):
        rebuild.advance(0, articles, 5)
        watchdog.tick()
        watchdog.tick()

    assert hung == []


def test_a_stop_ends_the_rebuilding_of_stories_at_the_next_one() -> None:
    stop = threading.Event()
    rebuild = RebuildProgress(RestoreProgress(Watchdog(), Metrics(), stop=stop))
    rebuild.advance(0, 1, 3)
    stop.set()
    with pytest.raises(RestoreStopped):
        rebuild.advance(0, 2, 3)


def test_a_restore_that_reads_nothing_does_not_beat_the_watchdog(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    hung: list[int] = []
    watchdog = Watchdog(ticks_max=3, on_hang=lambda: hung.append(1))
    progress = RestoreProgress(watchdog, Metrics())
    progress.begin(0)
    monkeypatch.setattr(log, "reader", lambda *_args, **_options: SilentReader(watchdog))
    with pytest.raises(LogUnavailable):
        list(progress.read_to_end(log, SOURCE))

    assert hung == [1]
