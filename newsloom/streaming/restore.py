"""Read the state of a partition for a restore, and report the progress of the restore."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from newsloom.streaming.log import Log
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.records import Record, TopicPartition
from newsloom.streaming.scan import read_partitions
from newsloom.streaming.watchdog import Watchdog

RECORDS_MAX: Final = 2_000
LOG_EVERY_S: Final = 5.0

_log = structlog.get_logger("newsloom.restore")


class RestoreStopped(Exception):
    """A stop was requested during a restore. Nothing was built; end without committing anything."""


class RestoreProgress:
    """Report each step of a restore: beat the watchdog, set the gauges, and log every `LOG_EVERY_S` seconds.

    Once `stop` is set, the next step raises `RestoreStopped`: a restore may take longer than a service has to end.
    """

    def __init__(
        self,
        watchdog: Watchdog,
        metrics: Metrics,
        *,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = metrics
        self._stop = stop or threading.Event()
        self._watchdog = watchdog
        self._clock = clock
        self._begun_s = self._logged_s = clock()

    def begin(self, partition: int) -> None:
        """Report that the restore of a partition has begun."""
        self._watchdog.beat()
        self._begun_s = self._logged_s = self._clock()
        _log.info("restore.started", partition=partition)

    def read_to_end(self, log: Log, topic_partition: TopicPartition) -> Iterator[Record]:
        """Yield every committed record of the partition, as `scan.read_partitions` does, and report the progress.

        A poll without records does not beat the watchdog.

        Raises:
            LogUnavailable: the log went away; start over.
            RestoreStopped: a stop was requested.

        """
        total = 0

        def report(records: int, fraction: float) -> None:
            nonlocal total
            total += records
            self.metrics.restore_records.inc(records)
            self.advance(topic_partition.partition, topic_partition.topic, fraction, beat=records > 0, records=total)

        yield from read_partitions(log, [topic_partition], records_max=RECORDS_MAX, on_progress=report)
        _log.info("restore.read", topic=topic_partition.topic, partition=topic_partition.partition, records=total)

    def advance(self, partition: int, part: str, fraction: float, *, beat: bool = True, **counts: int) -> None:
        """Report that a fraction (0 to 1) of a part of the restore is done; `counts` are fields of the log line.

        Raises:
            RestoreStopped: a stop was requested.

        """
        if self._stop.is_set():
            raise RestoreStopped
        if beat:
            self._watchdog.beat()
        self.metrics.restore_fraction.labels(partition, part).set(fraction)
        now_s = self._clock()
        if now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = now_s
            _log.info("restore.progress", partition=partition, part=part, fraction=round(fraction, 3), **counts)

    def end(self, partition: int, **counts: int) -> None:
        """Report that the partition is restored; `counts` are fields of the log line."""
        seconds = self._clock() - self._begun_s
        self.metrics.restores.inc()
        self.metrics.restore_seconds.observe(seconds)
        _log.info("partition.restored", partition=partition, **counts, seconds=round(seconds, 3))
