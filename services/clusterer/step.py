"""The clusterer's step: apply records of `article-vectors`, and write story updates, stories and state."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from newsloom.contracts.codec import InvalidValue, decode_vector
from newsloom.contracts.limits import is_before_record
from newsloom.contracts.pipeline import CLUSTERER
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES
from newsloom.contracts.vector import PREPARATION, ArticleVector, VectorEvent
from newsloom.log_names import topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Outcome, Rejection, RejectionKind
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.core.calibration import Calibration, zero_calibration
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.commands import CommandRefused
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.fixed_point import HALF_BYTES
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import timestamp, unix_ms
from services.clusterer.editions import Editions, EditionSize
from services.clusterer.messages import MessageBuilder
from services.clusterer.metrics import StateMetrics
from services.clusterer.rebuild_progress import RebuildProgress
from services.clusterer.state import checkpoint_of, restore_engines
from services.freed_memory import return_freed_memory
from services.garbage_collection import gc_suspended


class _OtherVersion(InvalidValue):
    """A vector was made with another model or text preparation than the state."""


class _TooManyEditions(InvalidValue):
    """The article would begin an edition beyond the allowed number."""


def _rejection_kind(error: InvalidValue | UnusableEvent) -> RejectionKind:
    if isinstance(error, CommandRefused | _TooManyEditions):
        return RejectionKind.REFUSED
    return RejectionKind.MISMATCH if isinstance(error, _OtherVersion) else RejectionKind.INVALID


class ClustererStep:
    """Holds one engine for each edition of each partition, from `restore` to `forget` of the partition."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        calibration: Calibration | None,
        parameters: Parameters,
        restore_progress: RestoreProgress | None = None,
    ) -> None:
        self.input_topics: Sequence[str] = topic_names(settings, CLUSTERER.consumes)
        self._log = log
        self._model = settings.model
        self._calibration = calibration
        self._parameters = parameters
        self._restore_progress = restore_progress or RestoreProgress(Watchdog(), Metrics())
        self._rebuild_progress = RebuildProgress(self._restore_progress)
        self._stories = topic_name(settings, STORIES)
        self._state = topic_name(settings, ARTICLE_STORIES)
        self._messages = MessageBuilder(settings)
        self._editions_max = settings.editions_max
        self._editions: dict[int, Editions] = {}
        self._metrics = StateMetrics(self._restore_progress.metrics.registry, self._edition_sizes)

    def _edition_sizes(self) -> list[EditionSize]:
        # A copy, because another thread asks.
        return [size for editions in list(self._editions.values()) for size in editions.sizes()]

    def restore(self, partition: int) -> None:
        """Build the partition's engines from `stories` and `article-stories`.

        Raises:
            ConfigurationError: the state cannot be used; the message says why.
            LogUnavailable: the log cannot be reached; call again.

        """
        self._restore_progress.begin(partition)
        with gc_suspended():
            editions = self._restore_editions(partition)
        return_freed_memory()
        self._editions[partition] = editions
        self._rebuild_progress.end(partition, editions=len(editions), articles=editions.articles())

    def _restore_editions(self, partition: int) -> Editions:
        read_to_end = self._restore_progress.read_to_end
        editions = Editions(self._calibration, self._parameters)
        for engine in restore_engines(
            read_to_end(self._log, TopicPartition(self._stories, partition)),
            read_to_end(self._log, TopicPartition(self._state, partition)),
            model=self._model,
            calibration=self._calibration,
            parameters=self._parameters,
            on_progress=partial(self._rebuild_progress.advance, partition),
        ):
            editions.put(engine)
            editions.settle()
        return editions

    def forget(self, partition: int) -> None:
        """Drop the partition's engines."""
        del self._editions[partition]

    def process(self, records: Sequence[Record]) -> Outcome:
        """Apply each record in turn. Stories and checkpoints are written once, in their state after the batch."""
        messages: list[Message] = []
        rejected: list[Rejection] = []
        changed_stories: dict[tuple[int, str, str], Record] = {}
        changed_editions: dict[tuple[int, str], Record] = {}
        uncompared: list[str] = []
        for record in records:
            try:
                event = _decode_event(record, self._model)
                engine = self._engine(record.partition, event)
                changes = engine.apply(event, timestamp(record.timestamp_ms))
            except (InvalidValue, UnusableEvent) as error:
                rejected.append(Rejection(record, str(error), _rejection_kind(error)))
                continue
            if not changes.updates and not changes.memberships:
                continue
            self._editions[record.partition].put(engine)
            messages.extend(self._messages.changes(changes, event.edition, engine.edition.watermark, record))
            changed_stories.update(
                {(record.partition, event.edition, story_id): record for story_id in changes.stories}
            )
            changed_editions[record.partition, event.edition] = record
            if changes.uncompared_article_id is not None:
                uncompared.append(changes.uncompared_article_id)
            self._note(changes, engine.edition)
        if uncompared:
            self._metrics.count_uncompared(len(uncompared), uncompared[0])
        messages.extend(self._snapshots(changed_stories))
        messages.extend(self._checkpoints(changed_editions))
        for partition in {record.partition for record in records}:
            self._editions[partition].settle()
        return Outcome(messages, rejected)

    def _note(self, changes: StoryChanges, edition: EditionState) -> None:
        if changes.clock_set_back_from is not None:
            self._metrics.note_set_back(edition.name, changes.clock_set_back_from, edition.watermark)
        if changes.loose_story_id is not None:
            self._metrics.note_loose(edition.name, changes.loose_story_id)

    def _engine(self, partition: int, event: VectorEvent) -> Engine:
        engine = self._editions[partition].get(event.edition)
        if engine is None:
            return self._new_engine(self._editions[partition], event)
        if isinstance(event, ArticleVector) and event.preparation != engine.edition.preparation:
            raise _OtherVersion(
                f"made with text preparation {event.preparation!r}, but the stories of edition {event.edition!r} were made with "
                f"{engine.edition.preparation!r}: embed them again with `newsloom migrate --model` - at `$.preparation`"
            )
        return engine

    def _new_engine(self, editions: Editions, event: VectorEvent) -> Engine:
        if isinstance(event, ArticleVector) and event.preparation != PREPARATION:
            raise InvalidValue(
                f"made with text preparation {event.preparation!r}, but this version begins an edition with {PREPARATION!r}: "
                "run an embedder of this version, and send the article again - at `$.preparation`"
            )
        if isinstance(event, ArticleVector) and len(editions) >= self._editions_max:
            raise _TooManyEditions(
                f"edition {event.edition!r} is new, and this partition has {len(editions)} editions: correct the edition, "
                "or raise NEWSLOOM_EDITIONS_MAX - at `$.edition`"
            )
        calibration = editions.calibration or self._zero_calibration(event)
        return Engine(EditionState(event.edition, calibration, self._parameters, PREPARATION))

    def _zero_calibration(self, event: VectorEvent) -> Calibration:
        dimension = len(event.lead_vector) // HALF_BYTES if isinstance(event, ArticleVector) else 1
        return zero_calibration(self._model, dimension)

    def _snapshots(self, changed_stories: dict[tuple[int, str, str], Record]) -> list[Message]:
        messages = []
        for (partition, edition, story_id), record in changed_stories.items():
            engine = self._editions[partition][edition]
            story, live = engine.story(story_id), engine.edition.stories.get(story_id)
            at_ms = record.timestamp_ms if live is None else unix_ms(live.arrived_at)
            watermark = engine.edition.watermark
            messages.append(self._messages.story(story_id, story, edition, watermark, record, at_ms=at_ms))
        return messages

    def _checkpoints(self, changed_editions: dict[tuple[int, str], Record]) -> list[Message]:
        messages = []
        for (partition, name), record in changed_editions.items():
            edition = self._editions[partition][name].edition
            messages.append(self._messages.checkpoint(checkpoint_of(edition), record))
        return messages


def _decode_event(record: Record, model: str) -> VectorEvent:
    if record.value is None:
        raise InvalidValue("the record has no value; a retraction is a value of kind `retraction`")
    event = decode_vector(record.value)
    if record.key != event.edition.encode():
        raise InvalidValue(f"the key is not the edition {event.edition!r}: its events could be in two partitions")
    if not isinstance(event, ArticleVector):
        return event
    if event.model != model:
        raise _OtherVersion(f"made with model {event.model!r}, but NEWSLOOM_MODEL is {model!r} - at `$.model`")
    if not is_before_record(event.published_at, timestamp(record.timestamp_ms)):
        raise InvalidValue(
            f"{event.published_at.isoformat()} is later than the record's timestamp - at `$.published_at`"
        )
    return event
