"""Reading a partition from its first record to its end, as a restore does, and telling how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from newsloom.streaming.log import Log
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.records import Record, TopicPartition
from newsloom.streaming.watchdog import Watchdog

RECORDS_MAX: Final = 2_000
POLL_TIMEOUT_MS: Final = 500
LOG_EVERY_S: Final = 5.0
BUILD: Final = "build"
"""The part of a restore behind the topics: sums and indexes are rebuilt."""

_log = structlog.get_logger("newsloom.restore")


class RestoreWatch:
    """Is told of every step of a restore that makes progress: beats the watchdog, sets the gauges, logs every few seconds."""

    def __init__(self, watchdog: Watchdog, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._watchdog = watchdog
        self._metrics = metrics
        self._clock = clock
        self._begun_s = self._logged_s = clock()

    def begin(self, partition: int) -> None:
        """A partition's restore begins."""
        self._watchdog.beat()
        self._begun_s = self._logged_s = self._clock()
        _log.info("restore.started", partition=partition)

    def read(self, source: TopicPartition, *, new: int, records: int, fraction: float) -> None:
        """So many `new` records were read, `records` in all: a `fraction` of the partition."""
        self._metrics.restore_records.inc(new)
        self._note(source.partition, source.topic, fraction, beat=new > 0, records=records)

    def built(self, partition: int, articles: int, of: int) -> None:
        """So many articles are rebuilt."""
        self._metrics.restored_articles.labels(partition).set(articles)
        self._note(partition, BUILD, articles / of if of else 1.0, beat=True, articles=articles)

    def end(self, partition: int, *, editions: int, articles: int) -> None:
        """The partition is restored."""
        seconds = self._clock() - self._begun_s
        self._metrics.restores.inc()
        self._metrics.restore_seconds.observe(seconds)
        self._metrics.restored_articles.labels(partition).set(articles)
        self._metrics.restore_fraction.labels(partition, BUILD).set(1)
        _log.info(
            "partition.restored", partition=partition, editions=editions, articles=articles, seconds=round(seconds, 3)
        )

    def _note(self, partition: int, part: str, fraction: float, *, beat: bool, **counts: int) -> None:
        if beat:
            self._watchdog.beat()
        self._metrics.restore_fraction.labels(partition, part).set(fraction)
        now_s = self._clock()
        if now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = now_s
            _log.info("restore.progress", partition=partition, part=part, fraction=round(fraction, 3), **counts)


def read_to_end(log: Log, source: TopicPartition, watch: RestoreWatch | None = None) -> Iterator[Record]:
    """Every committed record of the partition, up to the end that stands at the first step of the iteration.

    The end is the reader's position, not the last record: transaction markers take offsets too.

    Raises:
        LogUnavailable: the log went away; start over.

    """
    reader = log.reader([source], start="earliest")
    records = 0
    try:
        while not reader.at_end():
            polled = reader.poll(max_records=RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS)
            yield from polled
            records += len(polled)
            if watch is not None:
                watch.read(source, new=len(polled), records=records, fraction=reader.fraction_read())
    finally:
        reader.close()
    _log.info("restore.read", topic=source.topic, partition=source.partition, records=records)
