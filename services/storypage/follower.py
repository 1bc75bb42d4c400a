"""Follow the topics: read records, apply them to the read model, publish the updates among them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from newsloom.contracts.pipeline import STORYPAGE
from newsloom.log_names import topic_names
from newsloom.settings import Settings
from newsloom.streaming.errors import LogUnavailable
from newsloom.streaming.log import Log, Reader
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.records import Batch, Record, TopicPartition
from newsloom.streaming.scan import topic_partitions
from newsloom.streaming.watchdog import Watchdog
from services.storypage.live import LiveUpdates
from services.storypage.read_model.model import ReadModel

RECORDS_MAX: Final = 500
POLL_TIMEOUT_MS: Final = 500
RETRY_S: Final = 1.0
CHECK_EVERY_S: Final = 60.0
"""How often it looks for new partitions and for rows that have expired."""

_log = structlog.get_logger("newsloom.storypage")


@dataclass(frozen=True, slots=True)
class FollowerSignals:
    """How the process stops a follower, and what it is told of it."""

    stop: threading.Event
    watchdog: Watchdog
    metrics: Metrics
    readiness: Readiness


class Follower:
    """Reads the topics from where the read model ends, in one thread, until `stop` is set."""

    def __init__(
        self,
        log: Log,
        settings: Settings,
        model: ReadModel,
        live: LiveUpdates,
        signals: FollowerSignals,
        *,
        check_file: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._check_file = check_file
        self._settings = settings
        self._model = model
        self._live = live
        self._stop = signals.stop
        self._watchdog = signals.watchdog
        self._metrics = signals.metrics
        self._readiness = signals.readiness
        self._clock = clock
        self._partitions: list[TopicPartition] = []
        self._reader: Reader | None = None
        self._check_at = 0.0

    def run(self) -> None:
        """Follow the topics until the stop.

        Raises:
            ConfigurationError: a topic is missing or may not be read.
            FileReplaced: the read model's file is no longer the one that was opened.
            sqlite3.DatabaseError: the file is damaged or cannot be written.

        """
        try:
            while not self._stop.is_set():
                try:
                    self._step()
                    self._readiness.is_log_available = True
                except LogUnavailable as error:
                    _log.warning("log.unavailable", error=str(error))
                    self._metrics.log_unavailable.inc()
                    self._readiness.is_log_available = False
                    self._stop.wait(RETRY_S)
                self._watchdog.beat()
        finally:
            self._close_reader()

    def _step(self) -> None:
        self._check_file()
        reader = self._reader or self._open_reader()
        records = reader.poll(max_records=RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS)
        # A full batch: there are probably more records in its partitions.
        more = {one.topic_partition for one in records} if len(records) == RECORDS_MAX else set[TopicPartition]()
        self._readiness.lag.on_poll(Batch(tuple(records), backlog=dict.fromkeys(more, 1)), more)
        if records:
            self._apply(records)
        if reader.at_end() and not self._readiness.has_joined:
            _log.info("topics.read")
            self._readiness.has_joined = True
        if self._clock() >= self._check_at:
            self._check()

    def _apply(self, records: list[Record]) -> None:
        updates = self._model.apply(records)
        self._readiness.lag.on_commit()
        self._live.publish(updates)
        self._metrics.count_commit(STORYPAGE.name, records, types=(), rejected=())

    def _check(self) -> None:
        self._model.note_time()
        self._model.delete_expired()
        if self._find_partitions() != self._partitions:
            self._close_reader()
        self._check_at = self._clock() + CHECK_EVERY_S

    def _open_reader(self) -> Reader:
        self._partitions = self._find_partitions()
        positions = self._model.positions()
        start = {partition: positions.get(partition, 0) for partition in self._partitions}
        self._reader = self._log.reader(self._partitions, start=start)
        self._metrics.partitions.set(len(self._partitions))
        self._check_at = self._clock() + CHECK_EVERY_S
        return self._reader

    def _find_partitions(self) -> list[TopicPartition]:
        topics = topic_names(self._settings, STORYPAGE.consumes)
        return [partition for topic in topics for partition in topic_partitions(self._log, topic)]

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
