"""The loop of every service: poll, process, commit. It owns the lifecycle; the step owns the meaning."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from newsloom.streaming.batch_size import BATCH_S_MAX, BatchSize
from newsloom.streaming.dead_letters import DeadLetterGuard, build_dead_letter
from newsloom.streaming.errors import CommitFailed, ConfigurationError, LogUnavailable
from newsloom.streaming.lasting_condition import LastingCondition
from newsloom.streaming.log import Worker
from newsloom.streaming.metrics import Metrics, event_type
from newsloom.streaming.processing_limit import ProcessingLimit, ProcessingOverdue
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.records import Batch, Message, Record, TopicPartition
from newsloom.streaming.restore import RestoreStopped
from newsloom.streaming.step import Outcome, Rejection, RejectionKind, Step
from newsloom.streaming.watchdog import Watchdog

POLL_TIMEOUT_MS: Final = 500
RETRY_S: Final = 1.0

_log = structlog.get_logger("newsloom.loop")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """The settings of a service's loop. `records_max` limits a batch, and thereby a transaction.

    `type_header` is the header with the type of an event, by which messages are counted.
    """

    service: str
    dead_letter_topic: str
    dead_letter_share_max: float
    records_max: int
    type_header: str = ""


class Loop:
    """Runs a step on a worker until a stop is requested.

    Each round: 1. poll; 2. forget the state of lost partitions; 3. restore the state of gained partitions; 4. let the step
    process the records; 5. commit its messages, the dead letters and the input offsets in one transaction.

    If the commit fails, all state is discarded and restored, and the records are polled again. If the log becomes unavailable
    during a restore, `_in_hand` keeps the batch: the worker returns it again only after a failed commit. Unusable state ends
    the loop, unless the next poll shows that the partition was lost.

    A batch that takes too much CPU time is interrupted, its state restored, and its records are processed one by one. A record
    that takes too much by itself becomes a dead letter.
    """

    def __init__(
        self,
        worker: Worker,
        step: Step,
        config: LoopConfig,
        *,
        stop: threading.Event,
        watchdog: Watchdog,
        metrics: Metrics | None = None,
        readiness: Readiness | None = None,
        limit: ProcessingLimit | None = None,
    ) -> None:
        self._metrics = metrics or Metrics()
        self._readiness = readiness or Readiness()
        self._worker = worker
        self._step = step
        self._config = config
        self._stop = stop
        self._watchdog = watchdog
        self._guard = DeadLetterGuard(config.dead_letter_share_max)
        self._restored: set[TopicPartition] = set()
        self._unrestored: set[TopicPartition] = set()
        self._in_hand: Batch | None = None
        self._limit = limit or ProcessingLimit()
        self._batch_size = BatchSize(config.records_max)
        self._is_one_by_one = False
        self._overdue: set[tuple[TopicPartition, int]] = set()
        self._polled_s = 0.0
        self._log_unavailable = LastingCondition(begins="log.unavailable", ends="log.available")
        self._commits_failed = LastingCondition(begins="commit.failed", ends="commit.recovered")

    def run(self) -> None:
        """Work until the stop event is set; then finish the batch in hand, or give up a restore, and return.

        Raises:
            Fenced: another process has joined under this instance name.
            TooManyDeadLetters: the share of rejected records is over the configured limit.
            LogError: as raised by the step's `restore`.

        """
        while not self._stop.is_set():
            self.run_once()

    def run_once(self) -> int:
        """Run one round; return how many records were committed."""
        self._watchdog.beat()
        try:
            batch = self._in_hand or self._poll()
            if not self._restore():
                return 0
            committed = self._process(batch) if batch.records else 0
        except LogUnavailable as error:
            self._metrics.log_unavailable.inc()
            self._readiness.is_log_available = False
            self._log_unavailable.meet(error)
            self._stop.wait(RETRY_S)
            return 0
        except CommitFailed as error:
            self._metrics.commits_failed.inc()
            self._commits_failed.meet(error)
            self._readiness.lag.on_commit()
            self._discard_state()
            committed = 0
        except RestoreStopped:
            _log.info("restore.stopped")
            return 0
        except ProcessingOverdue:
            # The step has not finished its changes. The batch stays in hand.
            self._discard_state()
            return 0
        self._readiness.is_log_available = True
        self._log_unavailable.end()
        self._in_hand = None
        return committed

    def _poll(self) -> Batch:
        batch = self._worker.poll(max_records=self._batch_size.records, timeout_ms=POLL_TIMEOUT_MS)
        self._forget(batch.lost)
        self._unrestored -= batch.lost
        self._unrestored |= batch.gained
        self._in_hand = batch
        self._readiness.has_joined = batch.joined
        self._readiness.lag.on_poll(batch, self._restored | self._unrestored)
        self._metrics.rebalances.inc(batch.rebalanced)
        self._polled_s = time.monotonic()
        self._report_assignment()
        return batch

    def _restore(self) -> bool:
        """Restore all assigned partitions. False if a rebalance interrupted; `_in_hand` then holds a newer batch."""
        for number in sorted({topic_partition.partition for topic_partition in self._unrestored}):
            self._watchdog.beat()
            try:
                self._step.restore(number)
            except ConfigurationError as error:
                # Another member may own the partition and be writing; then we have read an inconsistent snapshot.
                if number not in {lost.partition for lost in self._poll().lost}:
                    raise
                _log.warning("restore.overtaken", partition=number, error=str(error))
                return False
            restored = {gained for gained in self._unrestored if gained.partition == number}
            self._unrestored -= restored
            self._restored |= restored
        self._report_assignment()
        return True

    def _report_assignment(self) -> None:
        self._readiness.unrestored = len(self._unrestored)
        self._metrics.partitions.set(len(self._restored))

    def _process(self, batch: Batch) -> int:
        with self._metrics.stage_seconds.labels("process").time():
            outcome = self._process_within_limit(batch.records)
        self._check_rejections(batch, outcome)
        self._watchdog.beat()
        with self._metrics.stage_seconds.labels("commit").time():
            self._worker.commit(batch, [*outcome.messages, *self._dead_letters(outcome)])
        self._guard.confirm()
        self._is_one_by_one = False
        self._overdue.clear()
        self._readiness.lag.on_commit()
        self._commits_failed.end()
        self._count(batch, outcome)
        _log.debug("batch.committed", records=len(batch.records), messages=len(outcome.messages))
        return len(batch.records)

    def _process_within_limit(self, records: Sequence[Record]) -> Outcome:
        """Process the records together, or one by one after they have taken too long together.

        Raises:
            ProcessingOverdue: they have taken too long. Call again after a restore; a record that did so alone is then rejected.

        """
        due = [record for record in records if _position(record) not in self._overdue]
        messages: list[Message] = []
        rejected = [self._overdue_rejection(record) for record in records if _position(record) in self._overdue]
        begun_s = time.monotonic()
        for part in [[record] for record in due] if self._is_one_by_one else [due]:
            self._watchdog.beat()
            outcome = self._process_part(part)
            messages += outcome.messages
            rejected += outcome.rejected
        written_bytes = sum(len(message.value or b"") for message in messages)
        self._batch_size.observe(len(records), time.monotonic() - begun_s, written_bytes)
        return Outcome(messages, rejected)

    def _process_part(self, records: Sequence[Record]) -> Outcome:
        try:
            return self._limit.run(partial(self._step.process, records))
        except ProcessingOverdue:
            _log.warning("batch.overdue", records=len(records), cpu_s_max=self._limit.cpu_s_max)
            self._batch_size.observe(len(records), 2 * BATCH_S_MAX, 0)
            self._is_one_by_one = True
            if len(records) == 1:
                self._overdue.add(_position(records[0]))
            raise

    def _overdue_rejection(self, record: Record) -> Rejection:
        reason = f"processing it alone took more than {self._limit.cpu_s_max:g} s of CPU time"
        return Rejection(record, reason, RejectionKind.REFUSED)

    def _count(self, batch: Batch, outcome: Outcome) -> None:
        types = (event_type(message, self._config.type_header) for message in outcome.messages)
        self._metrics.count_commit(self._config.service, batch.records, types=types, rejected=outcome.rejected)
        self._metrics.poll_to_commit_seconds.observe(time.monotonic() - self._polled_s)

    def _check_rejections(self, batch: Batch, outcome: Outcome) -> None:
        rejections = len(outcome.rejected)
        reason = outcome.rejected[-1].reason if outcome.rejected else ""
        self._guard.observe(processed=len(batch.records) - rejections, rejections=rejections, reason=reason)
        for rejection in outcome.rejected:
            record = rejection.record
            _log.warning(
                "record.rejected",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                reason=rejection.reason,
            )

    def _dead_letters(self, outcome: Outcome) -> list[Message]:
        topic, service = self._config.dead_letter_topic, self._config.service
        return [build_dead_letter(rejection, topic=topic, service=service) for rejection in outcome.rejected]

    def _discard_state(self) -> None:
        self._forget(frozenset(self._restored))
        self._report_assignment()

    def _forget(self, lost: Set[TopicPartition]) -> None:
        """Forget the state of these partitions.

        Partitions of the same number share a state. Those that stay assigned have to be restored again.
        """
        numbers = {topic_partition.partition for topic_partition in self._restored & lost}
        for number in sorted(numbers):
            self._step.forget(number)
        forgotten = {held for held in self._restored if held.partition in numbers}
        self._restored -= forgotten
        self._unrestored |= forgotten


def _position(record: Record) -> tuple[TopicPartition, int]:
    return record.topic_partition, record.offset
