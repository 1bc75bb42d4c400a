"""Which partitions came and went between two polls."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from kafka import ConsumerRebalanceListener

from newsloom.streaming.records import TopicPartition


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """Records what a rebalance does. The callbacks run on kafka-python's thread and may not call back: they only note."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[TopicPartition] = set()
        self._reported: set[TopicPartition] = set()
        self._away: set[TopicPartition] = set()

    def on_partitions_assigned(self, assigned: Iterable[tuple[str, int]]) -> None:
        """Partitions that are ours from now on."""
        with self._lock:
            self._held |= {TopicPartition(*source) for source in assigned}

    def on_partitions_revoked(self, revoked: Iterable[tuple[str, int]]) -> None:
        """Partitions that are no longer ours; also those lost with the membership."""
        with self._lock:
            gone = {TopicPartition(*source) for source in revoked}
            self._held -= gone
            self._away |= gone

    def changes(self) -> tuple[frozenset[TopicPartition], frozenset[TopicPartition]]:
        """What was gained and what was lost since the last call; in both, if it was away in between."""
        with self._lock:
            gained = self._held - (self._reported - self._away)
            lost = self._reported & self._away
            self._reported = set(self._held)
            self._away = set()
            return frozenset(gained), frozenset(lost)
