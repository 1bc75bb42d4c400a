"""Tell offset ranges with committed records from those that hold only transaction markers and aborted records."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, Final

from kafka import TopicPartition as KafkaTopicPartition

from newsloom.streaming.kafka.clients import ClientFactory, seconds_left
from newsloom.streaming.kafka.errors import translate_errors
from newsloom.streaming.kafka.record_decoding import UnreadableBatchError
from newsloom.streaming.records import TopicPartition

SCAN_S_MAX: Final = 2.0
SLICE_MS: Final = 50

OffsetRange = tuple[int, int]
"""First offset and the offset after the last."""


class MarkerDetector:
    """Reads offset ranges to find out whether they hold a committed record, and remembers those that do not."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self._consumer: Any = None
        self._empty: dict[TopicPartition, OffsetRange] = {}

    def ranges_with_records(self, ranges: Mapping[TopicPartition, OffsetRange]) -> dict[TopicPartition, OffsetRange]:
        """Return the ranges that hold a record or may hold one, because an open transaction hides it."""
        unread = {source: span for source, span in ranges.items() if self._empty.get(source) != span}
        if unread:
            with translate_errors("reading the ends of topics"):
                empty = self._scan(unread)
            self._empty.update({source: ranges[source] for source in empty})
            unread = {source: span for source, span in unread.items() if source not in empty}
        return unread

    def close(self) -> None:
        """Close the connection, if there is one."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _scan(self, ranges: Mapping[TopicPartition, OffsetRange]) -> set[TopicPartition]:
        """Return the partitions whose range holds no record."""
        if self._consumer is None:
            self._consumer = self._clients.consumer(group_id=None)
        consumer = self._consumer
        consumer.assign([KafkaTopicPartition(*source) for source in ranges])
        # If the assignment is the same as before, partitions paused by the last scan are still paused.
        consumer.resume(*consumer.assignment())
        for source, (start, _) in ranges.items():
            consumer.seek(KafkaTopicPartition(*source), start)
        unknown, empty = set(ranges), set[TopicPartition]()
        deadline = time.monotonic() + SCAN_S_MAX
        while unknown and seconds_left(deadline):
            for source in self._poll():
                unknown.discard(TopicPartition(*source))
                consumer.pause(source)
            ended = {source for source in unknown if self._position(source) >= ranges[source][1]}
            empty |= ended
            unknown -= ended
        return empty

    def _poll(self) -> Collection[Any]:
        """Return the partitions with a record, or with a batch that cannot be read: their services have not read it either."""
        try:
            found: Collection[Any] = self._consumer.poll(timeout_ms=SLICE_MS)
        except UnreadableBatchError as error:
            return [error.topic_partition]
        return found

    def _position(self, source: TopicPartition) -> int:
        return int(self._consumer.position(KafkaTopicPartition(*source), timeout_ms=SCAN_S_MAX * 1000) or 0)
