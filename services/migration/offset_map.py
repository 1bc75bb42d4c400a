"""Map the positions of original records to those of their copies, and translate headers that contain positions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from newsloom.contracts.pipeline import CLOUDEVENT_ID, CONSUMED, RecordId
from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.log_names import topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.dead_letter_replay import REPLAYED_OFFSET
from newsloom.streaming.dead_letters import ADDED_HEADERS, OFFSET, PARTITION, REASON, TOPIC
from newsloom.streaming.partitioning import partition_of
from newsloom.streaming.records import Headers, Record, TopicPartition


class OffsetMap:
    """The copy of each original record. `starts` are the first offsets that retention has kept in the original topics."""

    def __init__(self, settings: Settings, target: Settings, starts: Mapping[TopicPartition, int]) -> None:
        self._target = target
        self._old_prefix = settings.topic_prefix
        self._vectors = topic_name(settings, ARTICLE_VECTORS)
        self._consumed = set(topic_names(settings, CONSUMED))
        self._starts = dict(starts)
        self._copies: dict[RecordId, RecordId] = {}

    def add(self, original: RecordId, copy: RecordId) -> None:
        """Record the position of a copy."""
        self._copies[original] = copy

    def mark_deleted(self, originals: Iterable[RecordId]) -> None:
        """Record that retention has already deleted the copies of these records, the first of their partitions."""
        for topic, partition, offset in originals:
            source = TopicPartition(topic, partition)
            self._starts[source] = max(self._starts[source], offset + 1)

    def translate_headers(self, record: Record, partition: int) -> Headers:
        """Return the headers with the position in the event id translated; `partition` is that of the edition's state."""
        return tuple(
            (name, self._translate_id(value, partition) if name == CLOUDEVENT_ID else value)
            for name, value in record.headers
        )

    def translate_dead_letter(self, record: Record) -> Headers:
        """Return the headers of a dead letter, or of a replay marker, with the positions of the copies."""
        if record.header(REASON) is None:
            return tuple(
                (name, self._translate_marker(record) if name == REPLAYED_OFFSET else value)
                for name, value in record.headers
            )
        origin = record.header(TOPIC) or "", int(record.header(PARTITION) or 0), int(record.header(OFFSET) or 0)
        if origin[0] not in self._consumed:
            return record.headers
        state_partition = partition_of(record.key or b"", self._target.state_partitions)
        copy = self._copy_of(*origin, state_partition)
        new = dict(zip((TOPIC, PARTITION, OFFSET), (str(part).encode() for part in copy), strict=True))
        # Separate the added headers by position: a producer's own header may have the same name as an added one.
        own, added = record.headers[: -len(ADDED_HEADERS)], record.headers[-len(ADDED_HEADERS) :]
        own = tuple(
            (name, self._translate_id(value, state_partition) if name == CLOUDEVENT_ID else value)
            for name, value in own
        )
        return (*own, *((name, new.get(name, value)) for name, value in added))

    def _translate_id(self, value: bytes, state_partition: int) -> bytes:
        text = value.decode()
        original = RecordId.parse(text)
        if original is None or original.topic not in self._consumed:
            return value
        copy = self._copy_of(*original, state_partition)
        return (str(copy) + "/".join(["", *text.split("/")[3:]])).encode()

    def _translate_marker(self, record: Record) -> bytes:
        letter = RecordId(record.topic, record.partition, int(record.header(REPLAYED_OFFSET) or 0))
        # If retention has deleted the dead letter, the marker must not match any other: no record has offset -1.
        return str(self._copies[letter].offset).encode() if letter in self._copies else b"-1"

    def _copy_of(self, topic: str, partition: int, offset: int, state_partition: int) -> RecordId:
        """Return the position of a record's copy; of a deleted record a negative offset, counted back from the first copy."""
        copy = self._copies.get(RecordId(topic, partition, offset))
        if copy is not None:
            return copy
        new_topic = self._target.topic_prefix + topic.removeprefix(self._old_prefix)
        new_partition = state_partition if topic == self._vectors else partition
        return RecordId(new_topic, new_partition, offset - self._starts.get(TopicPartition(topic, partition), 0))
