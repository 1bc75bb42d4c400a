"""The records of one installation, written in one order under another prefix.

What the services have taken in comes first, what they have not behind it. Records that name other records by their place
(`ce_id`, the origin of a dead letter) name the copies' places. The order follows from what is copied alone, so that a copy
that was interrupted goes on behind the number of records that it has written.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

import msgspec

from newsloom.contracts.codec import decode_state, decode_story, encode
from newsloom.contracts.membership import Checkpoint
from newsloom.contracts.pipeline import BEGINNING_CUT, CLUSTERER, EMBEDDER, TOPICS, RecordId
from newsloom.contracts.topics import ARTICLE_STORIES, DEAD_LETTERS, STORIES, STORY_UPDATES, Sizing, TopicDefinition
from newsloom.log_names import group_name, topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import REASON
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.partitioning import partition_of
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.scan import latest_by_key, read_partitions, read_topic, topic_partitions
from services.migration.offset_map import Places

MIGRATED: Final = (EMBEDDER, CLUSTERER)
"""The services whose position a migration carries over; any other one starts at the first record under the new prefix."""
INPUTS: Final = tuple(topic for service in MIGRATED for topic in service.consumes)
BATCH_RECORDS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 4_194_304


def mixed(old: str, new: str) -> str:
    """The model that checkpoints name while vectors of the new model replace the old one's: no clusterer works with it."""
    return f"{old}, being replaced by {new}"


class Copy:
    """Copies from `settings.topic_prefix` to `target.topic_prefix`; the progress recorded is how many records were written.

    `written_before` are the records that an interrupted copy has written already. `note` goes with the progress, `told` gets
    a line for each topic. With a `new_model` the copied checkpoints say that the vectors change (`mixed`).
    """

    def __init__(
        self,
        log: Log,
        settings: Settings,
        target: Settings,
        writer: ResumableWriter,
        *,
        written_before: int,
        note: str,
        new_model: str | None,
        told: Callable[[str], None],
    ) -> None:
        self._log = log
        self._settings = settings
        self._target = target
        self._writer = writer
        self._note = note
        self._new_model = new_model
        self._told = told
        self._position = self._written_before = written_before
        self._copied: set[str] = set()
        self._places_written: defaultdict[TopicPartition, list[RecordId]] = defaultdict(list)
        starts = log.admin().start_offsets(topic_names(settings, TOPICS))
        self._places = Places(settings, target, starts)
        self._committed: dict[TopicPartition, int] = {}
        for service in MIGRATED:
            topics = topic_names(settings, service.consumes)
            self._committed.update(log.admin().committed_offsets(group_name(settings, service.name), topics))

    @property
    def is_ahead(self) -> bool:
        """Whether an interrupted copy had written more than this one has come to so far."""
        return self._written_before > 0

    def taken_in(self) -> None:
        """All that the services have taken in, and all that they have made of it."""
        for topic in INPUTS:
            self._copy(topic, filter(self._is_taken_in, self._inputs(topic)))
        letters = [record for record in self._records(DEAD_LETTERS) if record.header(REASON) is not None]
        self._copy(DEAD_LETTERS, letters)
        self._copy(DEAD_LETTERS, (one for one in self._records(DEAD_LETTERS) if one.header(REASON) is None))
        self._copy(STORY_UPDATES, self._records(STORY_UPDATES))
        for topic in (STORIES, ARTICLE_STORIES):
            self._copy(topic, latest_by_key(self._records(topic)))

    def not_taken_in(self) -> None:
        """What still waits for the services."""
        for topic in INPUTS:
            self._copy(topic, (one for one in self._inputs(topic) if not self._is_taken_in(one)))

    def _sources(self, topic: TopicDefinition) -> list[TopicPartition]:
        return topic_partitions(self._log, topic_name(self._settings, topic))

    def _records(self, topic: TopicDefinition) -> Iterator[Record]:
        # One partition after the other: read together, they would come in another order each time.
        for source in self._sources(topic):
            yield from read_partitions(self._log, [source])

    def _inputs(self, topic: TopicDefinition) -> Iterator[Record]:
        """By time over all partitions, as far as the order of each one allows: retention takes the oldest from the beginning."""
        readers = (read_partitions(self._log, [source]) for source in self._sources(topic))
        return heapq.merge(*readers, key=lambda one: one.timestamp_ms)

    def _is_cut(self, topic: TopicDefinition) -> bool:
        """Whether retention has taken the beginning of a partition, here or where the topic was copied from itself."""
        if topic.compacted:
            return False
        starts = self._log.admin().start_offsets([topic_name(self._settings, topic)])
        firsts = (next(read_partitions(self._log, [source]), None) for source in starts)
        return any(starts.values()) or any(
            first is not None and first.header(BEGINNING_CUT) is not None for first in firsts
        )

    def _is_taken_in(self, record: Record) -> bool:
        return record.offset < self._committed.get(record.source, 0)

    # --- writing

    def _copy(self, topic: TopicDefinition, records: Iterable[Record]) -> None:
        """Write the copies that are not written yet, then find out where they stand: only the log knows."""
        name = topic_name(self._target, topic)
        is_cut = name not in self._copied and self._is_cut(topic)
        batch: list[Message] = []
        size_bytes = 0
        before = self._count(name)
        for record in records:
            source = TopicPartition(name, self._partition(topic, record))
            is_first = source not in self._places_written
            self._places_written[source].append(RecordId(record.topic, record.partition, record.offset))
            if self.is_ahead:
                self._pass_over()
                continue
            message = self._message(topic, source, record)
            if is_cut and is_first:
                message = replace(message, headers=((BEGINNING_CUT, b""), *message.headers))
            batch.append(message)
            size_bytes += len(message.value or b"")
            if len(batch) >= BATCH_RECORDS_MAX or size_bytes >= BATCH_BYTES_MAX:
                self._write(batch)
                batch, size_bytes = [], 0
        if batch:
            self._write(batch)
        if not self.is_ahead:
            self._find(name)
        count = self._count(name)
        if count > before or name not in self._copied:
            self._copied.add(name)
            self._told(f"copied  {count:>9,}  {name}")

    def _count(self, name: str) -> int:
        return sum(len(places) for source, places in self._places_written.items() if source.topic == name)

    def _write(self, batch: list[Message]) -> None:
        self._position += len(batch)
        self._writer.write(batch, Progress(self._position, self._note))

    def _pass_over(self) -> None:
        """An interrupted copy has written this one. Behind its last one stands nothing yet: now all can be found."""
        self._written_before -= 1
        if not self.is_ahead:
            for name in {source.topic for source in self._places_written}:
                self._find(name)

    def _find(self, name: str) -> None:
        found: defaultdict[TopicPartition, list[int]] = defaultdict(list)
        for record in read_topic(self._log, name):
            found[record.source].append(record.offset)
        for source, places in self._places_written.items():
            if source.topic != name:
                continue
            # From the end: of records out of their time, retention may have taken the first ones again.
            lost = max(0, len(places) - len(found[source]))
            self._places.lost(places[:lost])
            kept = places[lost:]
            for place, offset in zip(kept, found[source][len(found[source]) - len(kept) :], strict=True):
                self._places.stands(place, RecordId(*source, offset))

    def _message(self, topic: TopicDefinition, source: TopicPartition, record: Record) -> Message:
        is_letter = topic is DEAD_LETTERS
        headers = self._places.letter(record) if is_letter else self._places.made_of(record, source.partition)
        value = self._state(record) if topic is ARTICLE_STORIES else record.value
        return Message(source.topic, record.key, value, headers, source.partition, record.timestamp_ms)

    def _state(self, record: Record) -> bytes | None:
        """The state record; a checkpoint with the word that the model changes, if it does."""
        # An article's id may end with a slash too, but is never empty.
        if self._new_model is None or not (record.key or b"").endswith(b"/"):
            return record.value
        checkpoint = decode_state(record.value or b"")
        if not isinstance(checkpoint, Checkpoint):
            return record.value
        return encode(msgspec.structs.replace(checkpoint, model=mixed(checkpoint.model, self._new_model)))

    def _partition(self, topic: TopicDefinition, record: Record) -> int:
        if topic.sizing is not Sizing.STATE:
            return record.partition
        return partition_of(self._edition(topic, record), self._target.state_partitions)

    def _edition(self, topic: TopicDefinition, record: Record) -> bytes:
        if topic is ARTICLE_STORIES:
            return (record.key or b"").partition(b"/")[0]
        return decode_story(record.value or b"").edition.encode() if topic is STORIES else record.key or b""
