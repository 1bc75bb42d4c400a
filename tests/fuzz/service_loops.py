"""Both services on a SQLite log in memory, with a fast encoder and a clock that the test moves."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from newsloom.contracts.topics import ARTICLE_VECTORS, DEAD_LETTERS, TopicDefinition
from newsloom.log_names import group_name, topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress, Reader
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.step import Outcome, Step
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.configuration import parameters_of
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.service import RECORDS_MAX as CLUSTERER_RECORDS_MAX
from services.clusterer.step import ClustererStep
from services.embedder.service import RECORDS_MAX as EMBEDDER_RECORDS_MAX
from services.embedder.step import EmbedderStep
from services.verifier.verification import find_clustering_violations
from tests.conformance.harness import ManualClock
from tests.fuzz.encoder import DIMENSION, MODEL, FirstWordEncoder
from tests.fuzz.record import FuzzRecord

SETTINGS: Final = Settings(log="sqlite://", model=MODEL, retention_days=1, dead_letter_share_max=1.0)
"""All records may be dead letters: here they must not stop the services."""
_READ_MAX: Final = 10_000


@dataclass
class Slowest:
    """The longest CPU time of a service, for a batch and for a single record."""

    batch_s: float = 0.0
    record_s: float = 0.0


class TimedStep:
    """Measures the CPU time of a step. If it has no state (`again`), slow batches are repeated record by record."""

    def __init__(self, step: Step, slowest: Slowest, *, again: bool) -> None:
        self.input_topics = step.input_topics
        self.restore = step.restore
        self.forget = step.forget
        self._step = step
        self._slowest = slowest
        self._again = again

    def process(self, records: Sequence[Record]) -> Outcome:
        outcome, seconds = self._timed(records)
        self._slowest.batch_s = max(self._slowest.batch_s, seconds)
        if self._again and seconds > self._slowest.record_s:
            alone = max(self._timed([record])[1] for record in records)
            self._slowest.record_s = max(self._slowest.record_s, alone)
        return outcome

    def _timed(self, records: Sequence[Record]) -> tuple[Outcome, float]:
        begun_s = time.process_time()
        outcome = self._step.process(records)
        return outcome, time.process_time() - begun_s


class ServiceLoops:
    """One embedder and one clusterer on one log, run by hand."""

    def __init__(self, clock: ManualClock, slowest: dict[str, Slowest]) -> None:
        self._log: Log = open_sqlite("sqlite://", clock=clock)
        # No retention: it would delete a record with an extreme timestamp before the service reads it.
        self._log.admin().create([replace(spec, retention_ms=None) for spec in topic_specs(SETTINGS)])
        self._writer = self._log.writer("fuzz")
        self._written = 0
        self._slowest = slowest
        self._readers: dict[str, Reader] = {}
        self.start()

    def start(self) -> None:
        """Start new services, which restore their state from the log."""
        self._loops = {service: self._loop(service) for service in ("embedder", "clusterer")}

    def _loop(self, service: str) -> Loop:
        embedding = service == "embedder"
        step = self._embedder() if embedding else self._clusterer()
        config = LoopConfig(
            service=service,
            dead_letter_topic=topic_name(SETTINGS, DEAD_LETTERS),
            dead_letter_share_max=SETTINGS.dead_letter_share_max,
            records_max=EMBEDDER_RECORDS_MAX if embedding else CLUSTERER_RECORDS_MAX,
        )
        worker = self._log.worker(group=group_name(SETTINGS, service), instance="0", topics=step.input_topics)
        timed = TimedStep(step, self._slowest[service], again=embedding)
        return Loop(worker, timed, config, stop=threading.Event(), watchdog=Watchdog(), metrics=Metrics())

    def _embedder(self) -> Step:
        return EmbedderStep(SETTINGS, FirstWordEncoder())

    def _clusterer(self) -> Step:
        return ClustererStep(SETTINGS, self._log, zero_calibration(MODEL, DIMENSION), parameters_of(SETTINGS))

    def write(self, records: Sequence[FuzzRecord]) -> None:
        """Write the records in one transaction."""
        self._written += len(records)
        self._writer.write([_message(record) for record in records], Progress(self._written))

    def end_offset(self, topic: TopicDefinition) -> int:
        """Return the offset of the topic's next record."""
        source = TopicPartition(topic_name(SETTINGS, topic), 0)
        return self._log.admin().end_offsets([source.topic])[source]

    def drain(self, service: str) -> None:
        """Run a service until it has no backlog. A commit that fails is an error of the test and is raised."""
        loop, topics = self._loops[service], self._inputs(service)
        while self._log.admin().backlog(group_name(SETTINGS, service), topics):
            loop.run_once()

    def _inputs(self, service: str) -> Sequence[str]:
        return self._embedder().input_topics if service == "embedder" else [topic_name(SETTINGS, ARTICLE_VECTORS)]

    def read(self, topic: TopicDefinition) -> list[Record]:
        """Return the records written to the topic since the last call."""
        source = TopicPartition(topic_name(SETTINGS, topic), 0)
        if topic.name not in self._readers:
            self._readers[topic.name] = self._log.reader([source], start="earliest")
        found: list[Record] = []
        while records := self._readers[topic.name].poll(max_records=_READ_MAX, timeout_ms=0):
            found += records
        return found

    def find_violations(self) -> list[str]:
        """Return the verifier's violations in the clusterer's topics."""
        return find_clustering_violations(self._log, SETTINGS)

    def close(self) -> None:
        """Close the log and free the memory."""
        self._log.close()
        self._loops.clear()
        gc.unfreeze()
        gc.collect()


def _message(record: FuzzRecord) -> Message:
    topic = topic_name(SETTINGS, record.topic)
    return Message(topic, record.key, record.value, record.headers, timestamp_ms=record.timestamp_ms)
