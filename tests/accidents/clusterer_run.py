"""The clusterer's own loop on a log, fed with vectors, and what each batch costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from benchmarks.core import DIMENSION
from newsloom.contracts.cloudevents import ARTICLE_VECTORIZED, COMMAND_PASSED, VECTOR_RETRACTED, EventHeaders
from newsloom.contracts.codec import decode_story, encode
from newsloom.contracts.topics import ARTICLE_VECTORS, DEAD_LETTERS, STORIES
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.log_names import group_name, topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.scan import latest_by_key, read_topic
from newsloom.streaming.step import Outcome, Step
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.configuration import parameters_of
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.service import RECORDS_MAX
from services.clusterer.step import ClustererStep
from services.verifier.verification import find_clustering_violations

MODEL: Final = "random"
WRITTEN_MAX: Final = 500


@dataclass(slots=True)
class Cost:
    """What events cost: CPU time, the seconds that the slowest batch took, records and bytes written, and growth of the log.

    `records_max` is the number of records of the largest batch. `written_bytes` are those of keys and values. `file_bytes`
    includes the events themselves and what the log adds.
    """

    events: int = 0
    cpu_s: float = 0.0
    slowest_batch_s: float = 0.0
    records: int = 0
    records_max: int = 0
    written_bytes: int = 0
    file_bytes: int = 0


class _CountingStep:
    """Counts what a step writes."""

    def __init__(self, step: Step, cost: Callable[[], Cost]) -> None:
        self.input_topics = step.input_topics
        self.restore = step.restore
        self.forget = step.forget
        self._step = step
        self._cost = cost

    def process(self, records: Sequence[Record]) -> Outcome:
        outcome = self._step.process(records)
        cost = self._cost()
        cost.records += len(outcome.messages)
        cost.records_max = max(cost.records_max, len(outcome.messages))
        cost.written_bytes += sum(len(message.key or b"") + len(message.value or b"") for message in outcome.messages)
        return outcome


class ClustererRun:
    """A clusterer on a log. `log_bytes` returns the size of the log."""

    def __init__(self, log: Log, settings: Settings, log_bytes: Callable[[], int]) -> None:
        self._log = log
        self._settings = settings
        self._log_bytes = log_bytes
        self._cost = Cost()
        self._written = 0
        log.admin().create(topic_specs(settings))
        self._writer = log.writer("accidents")
        step = ClustererStep(settings, log, zero_calibration(MODEL, DIMENSION), parameters_of(settings))
        config = LoopConfig(
            service="clusterer",
            dead_letter_topic=topic_name(settings, DEAD_LETTERS),
            dead_letter_share_max=settings.dead_letter_share_max,
            records_max=RECORDS_MAX,
        )
        worker = log.worker(group=group_name(settings, "clusterer"), instance="0", topics=step.input_topics)
        counting = _CountingStep(step, lambda: self._cost)
        self._loop = Loop(worker, counting, config, stop=threading.Event(), watchdog=Watchdog())

    def send(self, events: Iterable[VectorEvent]) -> Cost:
        """Write the events, let the clusterer process them, and return what that cost."""
        self._cost = Cost(file_bytes=-self._log_bytes())
        iterator = iter(events)
        while written := list(islice(iterator, WRITTEN_MAX)):
            self._written += len(written)
            self._writer.write([self._message(event) for event in written], Progress(self._written))
            self._cost.events += len(written)
            self._drain()
        self._cost.file_bytes += self._log_bytes()
        return self._cost

    def _drain(self) -> None:
        source = topic_name(self._settings, ARTICLE_VECTORS)
        while self._log.admin().backlog(group_name(self._settings, "clusterer"), [source]):
            begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
            self._loop.run_once()
            self._cost.cpu_s += time.process_time() - begun_cpu_s
            self._cost.slowest_batch_s = max(self._cost.slowest_batch_s, time.perf_counter() - begun_s)

    def story_ids(self) -> list[str]:
        """Return the ids of all stories that are not forgotten, in the order of their foundation."""
        records = latest_by_key(read_topic(self._log, topic_name(self._settings, STORIES)))
        stories = [decode_story(record.value) for record in records if record.value is not None]
        return [story.id for story in sorted(stories, key=lambda story: story.first_published_at)]

    def dead_letters(self) -> int:
        """Return the number of dead letters."""
        topic = topic_name(self._settings, DEAD_LETTERS)
        return self._log.admin().end_offsets([topic])[TopicPartition(topic, 0)]

    def find_violations(self) -> list[str]:
        """Return the verifier's violations in the clusterer's topics."""
        return find_clustering_violations(self._log, self._settings)

    def _message(self, event: VectorEvent) -> Message:
        kind, name = _kind_and_name(event)
        headers = EventHeaders(
            id=f"accident-{name}",
            source="newsloom/embedder",
            type=kind,
            subject=f"{event.edition}/{name}",
            time=datetime.now(tz=UTC),
            edition=event.edition,
        )
        topic = topic_name(self._settings, ARTICLE_VECTORS)
        return Message(topic, event.edition.encode(), encode(event), headers.encode())


def _kind_and_name(event: VectorEvent) -> tuple[str, str]:
    """Return the type of the event, and the id of its article or command."""
    if isinstance(event, ArticleVector | ArticleRetraction):
        kind = ARTICLE_VECTORIZED if isinstance(event, ArticleVector) else VECTOR_RETRACTED
        return kind, event.article_id
    return COMMAND_PASSED, event.command_id
