"""Where the copies of records stand: for the records that name others by their place."""

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


class Places:
    """Old places and new ones. `starts` are the first offsets kept under the old prefix."""

    def __init__(self, settings: Settings, target: Settings, starts: Mapping[TopicPartition, int]) -> None:
        self._target = target
        self._old_prefix = settings.topic_prefix
        self._vectors = topic_name(settings, ARTICLE_VECTORS)
        self._inputs = set(topic_names(settings, CONSUMED))
        self._starts = dict(starts)
        self._new: dict[RecordId, RecordId] = {}

    def stands(self, old: RecordId, new: RecordId) -> None:
        """The copy of a record has found its place."""
        self._new[old] = new

    def lost(self, places: Iterable[RecordId]) -> None:
        """Retention has taken these meanwhile."""
        for topic, partition, offset in places:
            source = TopicPartition(topic, partition)
            self._starts[source] = max(self._starts[source], offset + 1)

    def made_of(self, record: Record, partition: int) -> Headers:
        """The headers, an id made of another record's place (and of state in `partition`) renamed."""
        return tuple(
            (name, self._renamed(value, partition) if name == CLOUDEVENT_ID else value)
            for name, value in record.headers
        )

    def letter(self, record: Record) -> Headers:
        """The headers of a dead letter, or of the marker of one, with the places of the copies."""
        if record.header(REASON) is None:
            return tuple(
                (name, self._marked(record) if name == REPLAYED_OFFSET else value) for name, value in record.headers
            )
        origin = record.header(TOPIC) or "", int(record.header(PARTITION) or 0), int(record.header(OFFSET) or 0)
        if origin[0] not in self._inputs:
            return record.headers
        of_edition = partition_of(record.key or b"", self._target.state_partitions)
        place = self._place(*origin, of_edition)
        new = dict(zip((TOPIC, PARTITION, OFFSET), (str(part).encode() for part in place), strict=True))
        # By place: a producer's own header may be called as one of ours is.
        own, added = record.headers[: -len(ADDED_HEADERS)], record.headers[-len(ADDED_HEADERS) :]
        own = tuple((name, self._renamed(value, of_edition) if name == CLOUDEVENT_ID else value) for name, value in own)
        return (*own, *((name, new.get(name, value)) for name, value in added))

    def _renamed(self, value: bytes, partition: int) -> bytes:
        text = value.decode()
        old = RecordId.parse(text)
        if old is None or old.topic not in self._inputs:
            return value
        new = self._place(*old, partition)
        return (str(new) + "/".join(["", *text.split("/")[3:]])).encode()

    def _marked(self, record: Record) -> bytes:
        letter = RecordId(record.topic, record.partition, int(record.header(REPLAYED_OFFSET) or 0))
        # A marker whose letter retention has taken marks nothing: one before the beginning.
        return str(self._new[letter][2]).encode() if letter in self._new else b"-1"

    def _place(self, topic: str, partition: int, offset: int, state_partition: int) -> RecordId:
        """The copy's place. What retention has taken stands before the beginning, as far as it did before the first one left."""
        known = self._new.get(RecordId(topic, partition, offset))
        if known is not None:
            return known
        new = self._target.topic_prefix + topic.removeprefix(self._old_prefix)
        number = state_partition if topic == self._vectors else partition
        return RecordId(new, number, offset - self._starts.get(TopicPartition(topic, partition), 0))
