"""Copy the records of an installation, in one fixed order, to topics with another prefix.

Records that the services have processed come first, the others after them. Records that contain positions of other records
(`ce_id`, the origin of a dead letter) get the positions of the copies. The order depends only on what is copied, so that an
interrupted copy continues after as many records as it has written.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from newsloom.contracts.codec import decode_state, decode_story, encode
from newsloom.contracts.membership import Checkpoint
from newsloom.contracts.pipeline import BEGINNING_CUT, CLUSTERER, EMBEDDER, TOPICS, RecordId
from newsloom.contracts.topics import ARTICLE_STORIES, DEAD_LETTERS, STORIES, STORY_UPDATES, Sizing, TopicDefinition
from newsloom.log_names import group_name, topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.batching import batches
from newsloom.streaming.dead_letters import REASON
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.partitioning import partition_of
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.scan import latest_by_key, read_partitions, read_topic, topic_partitions
from services.migration.offset_map import OffsetMap

MIGRATED: Final = (EMBEDDER, CLUSTERER)
"""The services whose committed offsets a migration carries over. Any other starts at the first record under the new prefix."""
CONSUMED: Final = tuple(topic for service in MIGRATED for topic in service.consumes)


def mixed_model_name(old: str, new: str) -> str:
    """Return the model name in checkpoints while vectors are being replaced: no clusterer accepts it."""
    return f"{old}, being replaced by {new}"


@dataclass(kw_only=True)
class Copier:
    """Copy records from `settings.topic_prefix` to `target.topic_prefix`, with the number of written records as progress.

    `written_before` is that number from an interrupted copy, `note` is stored with the progress, `on_progress` gets a line for
    each topic. With a `new_model`, the copied checkpoints get the name of both models (`mixed_model_name`).
    """

    log: Log
    settings: Settings
    target: Settings
    writer: ResumableWriter
    written_before: int
    note: str
    new_model: str | None
    on_progress: Callable[[str], None]

    def __post_init__(self) -> None:
        self._position = self.written_before
        self._copied_topics: set[str] = set()
        # The original of each copy, by the copy's partition, in the order of writing.
        self._originals: defaultdict[TopicPartition, list[RecordId]] = defaultdict(list)
        starts = self.log.admin().start_offsets(topic_names(self.settings, TOPICS))
        self._offset_map = OffsetMap(self.settings, self.target, starts)
        self._committed: dict[TopicPartition, int] = {}
        for service in MIGRATED:
            topics = topic_names(self.settings, service.consumes)
            self._committed.update(self.log.admin().committed_offsets(group_name(self.settings, service.name), topics))

    @property
    def is_resuming(self) -> bool:
        """Whether the interrupted copy wrote more records than this one has passed so far."""
        return self.written_before > 0

    def copy_processed(self) -> None:
        """Copy the records that the services have processed, and everything that they have produced."""
        for topic in CONSUMED:
            self._copy(topic, filter(self._is_processed, self._by_time(topic)))
        letters = [record for record in self._records(DEAD_LETTERS) if record.header(REASON) is not None]
        self._copy(DEAD_LETTERS, letters)
        self._copy(DEAD_LETTERS, (one for one in self._records(DEAD_LETTERS) if one.header(REASON) is None))
        self._copy(STORY_UPDATES, self._records(STORY_UPDATES))
        for topic in (STORIES, ARTICLE_STORIES):
            self._copy(topic, latest_by_key(self._records(topic)))

    def copy_unprocessed(self) -> None:
        """Copy the records that still wait for the services."""
        for topic in CONSUMED:
            self._copy(topic, (one for one in self._by_time(topic) if not self._is_processed(one)))

    def _sources(self, topic: TopicDefinition) -> list[TopicPartition]:
        return topic_partitions(self.log, topic_name(self.settings, topic))

    def _records(self, topic: TopicDefinition) -> Iterator[Record]:
        # One partition after the other: read together, their records would come in a different order each time.
        for source in self._sources(topic):
            yield from read_partitions(self.log, [source])

    def _by_time(self, topic: TopicDefinition) -> Iterator[Record]:
        """Yield records by time across partitions, each partition in offset order, as retention deletes the oldest first."""
        readers = (read_partitions(self.log, [source]) for source in self._sources(topic))
        return heapq.merge(*readers, key=lambda one: one.timestamp_ms)

    def _is_truncated(self, topic: TopicDefinition) -> bool:
        """Return whether retention has deleted the first records of a partition, here or before an earlier migration."""
        if topic.compacted:
            return False
        starts = self.log.admin().start_offsets([topic_name(self.settings, topic)])
        firsts = (next(read_partitions(self.log, [source]), None) for source in starts)
        return any(starts.values()) or any(
            first is not None and first.header(BEGINNING_CUT) is not None for first in firsts
        )

    def _is_processed(self, record: Record) -> bool:
        return record.offset < self._committed.get(record.topic_partition, 0)

    # --- writing

    def _copy(self, topic: TopicDefinition, records: Iterable[Record]) -> None:
        """Write the copies that are not written yet, then read their offsets back: only the log assigns them."""
        name = topic_name(self.target, topic)
        before = self._count(name)
        for batch in batches(self._unwritten(topic, name, records), lambda message: len(message.value or b"")):
            self._position += len(batch)
            self.writer.write(batch, Progress(self._position, self.note))
        if not self.is_resuming:
            self._locate_copies(name)
        count = self._count(name)
        if count > before or name not in self._copied_topics:
            self._copied_topics.add(name)
            self.on_progress(f"copied  {count:>9,}  {name}")

    def _unwritten(self, topic: TopicDefinition, name: str, records: Iterable[Record]) -> Iterator[Message]:
        """Record the original of each copy; yield the copies that an interrupted copy has not written."""
        is_truncated = name not in self._copied_topics and self._is_truncated(topic)
        for record in records:
            source = TopicPartition(name, self._partition(topic, record))
            is_first = source not in self._originals
            self._originals[source].append(RecordId(record.topic, record.partition, record.offset))
            if self.is_resuming:
                self._skip_written()
                continue
            message = self._message(topic, source, record)
            if is_truncated and is_first:
                message = replace(message, headers=((BEGINNING_CUT, b""), *message.headers))
            yield message

    def _count(self, name: str) -> int:
        return sum(len(originals) for source, originals in self._originals.items() if source.topic == name)

    def _skip_written(self) -> None:
        """Count off a record that the interrupted copy has written; after the last one, locate all its copies."""
        self.written_before -= 1
        if not self.is_resuming:
            for name in {source.topic for source in self._originals}:
                self._locate_copies(name)

    def _locate_copies(self, name: str) -> None:
        offsets: defaultdict[TopicPartition, list[int]] = defaultdict(list)
        for record in read_topic(self.log, name):
            offsets[record.topic_partition].append(record.offset)
        for source, originals in self._originals.items():
            if source.topic != name:
                continue
            # Match from the end: retention may already have deleted the first copies, as they keep their old timestamps.
            deleted = max(0, len(originals) - len(offsets[source]))
            self._offset_map.mark_deleted(originals[:deleted])
            kept = originals[deleted:]
            for original, offset in zip(kept, offsets[source][len(offsets[source]) - len(kept) :], strict=True):
                self._offset_map.add(original, RecordId(*source, offset))

    def _message(self, topic: TopicDefinition, source: TopicPartition, record: Record) -> Message:
        if topic is DEAD_LETTERS:
            headers = self._offset_map.translate_dead_letter(record)
        else:
            headers = self._offset_map.translate_headers(record, source.partition)
        value = self._state(record) if topic is ARTICLE_STORIES else record.value
        return Message(source.topic, record.key, value, headers, source.partition, record.timestamp_ms)

    def _state(self, record: Record) -> bytes | None:
        """Return the value of a state record; if the model changes, a checkpoint gets the name of both models."""
        # The key of a checkpoint ends with a slash. That of a membership may too, as article ids can.
        if self.new_model is None or not (record.key or b"").endswith(b"/"):
            return record.value
        checkpoint = decode_state(record.value or b"")
        if not isinstance(checkpoint, Checkpoint):
            return record.value
        return encode(msgspec.structs.replace(checkpoint, model=mixed_model_name(checkpoint.model, self.new_model)))

    def _partition(self, topic: TopicDefinition, record: Record) -> int:
        if topic.sizing is not Sizing.STATE:
            return record.partition
        return partition_of(self._edition(topic, record), self.target.state_partitions)

    def _edition(self, topic: TopicDefinition, record: Record) -> bytes:
        if topic is ARTICLE_STORIES:
            return (record.key or b"").partition(b"/")[0]
        return decode_story(record.value or b"").edition.encode() if topic is STORIES else record.key or b""
