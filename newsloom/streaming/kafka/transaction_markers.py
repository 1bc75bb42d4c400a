"""Is there a record behind an offset, or only what transactions leave there?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from kafka import TopicPartition as KafkaTopicPartition

from newsloom.streaming.kafka.clients import ClientFactory, seconds_left
from newsloom.streaming.kafka.errors import translate_errors
from newsloom.streaming.records import TopicPartition

LOOK_S_MAX: Final = 2.0
SLICE_MS: Final = 50

OffsetRange = tuple[int, int]
"""From an offset up to, and without, another."""


class MarkerDetector:
    """Reads spans of partitions to see whether they hold a committed record, and remembers those that do not."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self._consumer: Any = None
        self._empty: dict[TopicPartition, OffsetRange] = {}

    def unread(self, spans: Mapping[TopicPartition, OffsetRange]) -> dict[TopicPartition, OffsetRange]:
        """The spans that hold a record, or might: a transaction still open hides what it will bring."""
        doubtful = {source: span for source, span in spans.items() if self._empty.get(source) != span}
        if doubtful:
            with translate_errors("reading the ends of topics"):
                empty = self._look(doubtful)
            self._empty.update({source: spans[source] for source in empty})
            doubtful = {source: span for source, span in doubtful.items() if source not in empty}
        return doubtful

    def close(self) -> None:
        """Close the connection, if there is one."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _look(self, spans: Mapping[TopicPartition, OffsetRange]) -> set[TopicPartition]:
        if self._consumer is None:
            self._consumer = self._clients.consumer(group_id=None)
        consumer = self._consumer
        consumer.assign([KafkaTopicPartition(*source) for source in spans])
        # An assignment that stays the same keeps what the last look has paused.
        consumer.resume(*consumer.assignment())
        for source, (start, _) in spans.items():
            consumer.seek(KafkaTopicPartition(*source), start)
        unknown, empty = set(spans), set[TopicPartition]()
        deadline = time.monotonic() + LOOK_S_MAX
        while unknown and seconds_left(deadline):
            for source in consumer.poll(timeout_ms=SLICE_MS):
                unknown.discard(TopicPartition(*source))
                consumer.pause(source)
            passed = {source for source in unknown if self._position(source) >= spans[source][1]}
            empty |= passed
            unknown -= passed
        return empty

    def _position(self, source: TopicPartition) -> int:
        return int(self._consumer.position(KafkaTopicPartition(*source), timeout_ms=LOOK_S_MAX * 1000) or 0)
