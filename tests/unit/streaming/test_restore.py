"""A restore tells how far it has come, and is not taken for one that hangs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from newsloom.streaming.log import Log
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.restore import LOG_EVERY_S, RECORDS_MAX, RestoreWatch, read_to_end
from newsloom.streaming.watchdog import Watchdog
from tests.conformance.driving import numbered, put
from tests.unit.streaming.tally import OUT, create_topics

SOURCE = TopicPartition(OUT, 0)


class SlowClock:
    """Monotonic seconds of which two pass at each look."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 2
        return self.now_s


@pytest.fixture
def log() -> Iterator[Log]:
    with closing(open_log_url("sqlite://")) as log:
        create_topics(log)
        yield log


def test_progress_is_logged_every_few_seconds(log: Log) -> None:
    put(log, numbered(OUT, 6 * RECORDS_MAX))
    with capture_logs() as lines:
        watch = RestoreWatch(Watchdog(), Metrics(), clock=SlowClock())
        watch.begin(0)
        assert len(list(read_to_end(log, SOURCE, watch))) == 6 * RECORDS_MAX
        for articles in range(0, 100, 10):
            watch.built(0, articles, 100)
        watch.end(0, editions=1, articles=100)

    progress = [line for line in lines if line["event"] == "restore.progress"]
    assert [line["fraction"] for line in progress if line["part"] == OUT] == [0.5, 1.0]
    assert [line["records"] for line in progress if line["part"] == OUT] == [3 * RECORDS_MAX, 6 * RECORDS_MAX]
    assert [line["articles"] for line in progress if line["part"] == "build"] == [20, 50, 80]
    assert LOG_EVERY_S == 5, "three looks at the clock"
    (ended,) = [line for line in lines if line["event"] == "partition.restored"]
    assert (ended["articles"], ended["editions"]) == (100, 1)


def test_a_restore_longer_than_the_watchdogs_patience_lives_as_long_as_it_makes_progress(log: Log) -> None:
    """Two ticks of three pass at each step: without the beats in between it would be ended at the second."""
    put(log, numbered(OUT, 6 * RECORDS_MAX))
    hung: list[int] = []
    watchdog = Watchdog(ticks_max=3, on_hang=lambda: hung.append(1))
    watch = RestoreWatch(watchdog, Metrics())
    watch.begin(0)
    for number, _ in enumerate(read_to_end(log, SOURCE, watch), start=1):
        if number % RECORDS_MAX == 0:
            watchdog.tick()
            watchdog.tick()
    for articles in range(5):
        watch.built(0, articles, 5)
        watchdog.tick()
        watchdog.tick()

    assert hung == []


def test_a_restore_that_gets_nothing_is_not_kept_alive() -> None:
    hung: list[int] = []
    watchdog = Watchdog(ticks_max=3, on_hang=lambda: hung.append(1))
    watch = RestoreWatch(watchdog, Metrics())
    watch.begin(0)
    for _ in range(3):
        watch.read(SOURCE, new=0, records=7, fraction=0.1)
        watchdog.tick()

    assert hung == [1]
