"""The clusterer's step: vectors in; story updates, stories and state out."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from newsloom.contracts.codec import InvalidValue, decode_vector
from newsloom.contracts.pipeline import CLUSTERER
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES
from newsloom.contracts.vector import ArticleVector, VectorEvent
from newsloom.log_names import topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Outcome, Rejection
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.core.calibration import Calibration, zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.fixed_point import HALF_BYTES
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import unix_ms
from services.clusterer.messages import MessageBuilder
from services.clusterer.rebuild_progress import RebuildProgress
from services.clusterer.state import checkpoint_of, restore_engines


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cycles: it would walk through all that was restored so far, again and again, and find none."""
    was_enabled = gc.isenabled()
    gc.unfreeze()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        # What stands now stays, and later searches leave it out; what an earlier restore left behind went at the beginning.
        gc.freeze()
        if was_enabled:
            gc.enable()


class ClustererStep:
    """One engine for each edition of each partition, restored from the log and thrown away with the partition."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        calibration: Calibration | None,
        parameters: Parameters,
        restore_progress: RestoreProgress | None = None,
    ) -> None:
        self.inputs: Sequence[str] = topic_names(settings, CLUSTERER.consumes)
        self._log = log
        self._model = settings.model
        self._calibration = calibration
        self._parameters = parameters
        self._restore_progress = restore_progress or RestoreProgress(Watchdog(), Metrics())
        self._rebuild_progress = RebuildProgress(self._restore_progress)
        self._stories = topic_name(settings, STORIES)
        self._state = topic_name(settings, ARTICLE_STORIES)
        self._writer = MessageBuilder(settings)
        self._partitions: dict[int, dict[str, Engine]] = {}

    def restore(self, partition: int) -> None:
        """Build the partition's engines from `stories` and `article-stories`.

        Raises:
            ConfigurationError: the state cannot be used; the message says why.
            LogUnavailable: the log went away; call again.

        """
        self._restore_progress.begin(partition)
        with _uncollected():
            engines = self._restored(partition)
        self._partitions[partition] = engines
        articles = sum(len(engine.edition.articles) for engine in engines.values())
        self._rebuild_progress.end(partition, editions=len(engines), articles=articles)

    def _restored(self, partition: int) -> dict[str, Engine]:
        read_to_end = self._restore_progress.read_to_end
        return restore_engines(
            read_to_end(self._log, TopicPartition(self._stories, partition)),
            read_to_end(self._log, TopicPartition(self._state, partition)),
            model=self._model,
            calibration=self._calibration,
            parameters=self._parameters,
            progress=partial(self._rebuild_progress.advance, partition),
        )

    def forget(self, partition: int) -> None:
        """Throw the partition's engines away."""
        del self._partitions[partition]

    def process(self, records: Sequence[Record]) -> Outcome:
        """Decide each record in turn; stories and checkpoints are written once, as they stand after the batch."""
        messages: list[Message] = []
        rejected: list[Rejection] = []
        touched: dict[tuple[int, str, str], Record] = {}
        advanced: dict[tuple[int, str], Record] = {}
        for record in records:
            try:
                event = self._event(record)
                engine = self._engine(record.partition, event)
                changes = engine.apply(event)
            except (InvalidValue, UnusableEvent) as error:
                rejected.append(Rejection(record, str(error)))
                continue
            if not changes.updates and not changes.memberships:
                continue
            self._partitions[record.partition][event.edition] = engine
            messages.extend(self._writer.changes(changes, event.edition, engine.edition.watermark, record))
            touched.update({(record.partition, event.edition, story_id): record for story_id in changes.stories})
            advanced[record.partition, event.edition] = record
        messages.extend(self._snapshots(touched))
        messages.extend(self._checkpoints(advanced))
        return Outcome(messages, rejected)

    def _event(self, record: Record) -> VectorEvent:
        if record.value is None:
            raise InvalidValue("the record has no value; a retraction is a value of kind `retraction`")
        event = decode_vector(record.value)
        if record.key != event.edition.encode():
            raise InvalidValue(
                f"the key is not the edition {event.edition!r}, so that the edition may lie in two partitions"
            )
        if isinstance(event, ArticleVector) and event.model != self._model:
            raise InvalidValue(
                f"made with model {event.model!r}, this clusterer works with {self._model!r} - at `$.model`"
            )
        if isinstance(event, ArticleVector) and unix_ms(event.published_at) > record.timestamp_ms:
            # It would move the clock past the log, and end every story.
            raise InvalidValue(
                f"{event.published_at.isoformat()} is ahead of the record's timestamp - at `$.published_at`"
            )
        return event

    def _engine(self, partition: int, event: VectorEvent) -> Engine:
        engines = self._partitions[partition]
        engine = engines.get(event.edition)
        if engine is None:
            engine = Engine(EditionState(event.edition, self._calibration_for(partition, event), self._parameters))
        return engine

    def _calibration_for(self, partition: int, event: VectorEvent) -> Calibration:
        if self._calibration is not None:
            return self._calibration
        known = next(iter(self._partitions[partition].values()), None)
        if known is not None:
            return known.edition.calibration
        dimension = len(event.lead_vector) // HALF_BYTES if isinstance(event, ArticleVector) else 1
        return zero_calibration(self._model, dimension)

    def _snapshots(self, touched: dict[tuple[int, str, str], Record]) -> list[Message]:
        messages = []
        for (partition, edition, story_id), record in touched.items():
            engine = self._partitions[partition][edition]
            story = engine.story(story_id)
            messages.append(self._writer.story(story_id, story, edition, engine.edition.watermark, record))
        return messages

    def _checkpoints(self, advanced: dict[tuple[int, str], Record]) -> list[Message]:
        messages = []
        for (partition, name), record in advanced.items():
            edition = self._partitions[partition][name].edition
            messages.append(self._writer.checkpoint(checkpoint_of(edition), record))
        return messages
