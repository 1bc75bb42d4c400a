"""How far a service is behind its input."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping

from newsloom.streaming.records import Batch, Record, TopicPartition


class Lag:
    """Derives the lag from the polls and commits of a loop. Other threads may read it at any time.

    A record's age counts from its timestamp: producers write the current time there.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._backlog: Mapping[TopicPartition, int] = {}
        self._unknown: Collection[TopicPartition] = ()
        self._reached_ms: dict[TopicPartition, int] = {}
        self._in_hand: tuple[Record, ...] = ()

    def on_poll(self, batch: Batch, assigned: Collection[TopicPartition]) -> None:
        """Take the batch of a poll; `assigned` are the partitions assigned at that time."""
        self._in_hand = batch.records
        self._backlog = batch.backlog
        self._unknown = assigned - batch.backlog.keys()
        self._reached_ms = {source: at_ms for source, at_ms in self._reached_ms.items() if source in assigned}
        self._reached_ms |= {record.topic_partition: record.timestamp_ms for record in batch.records}

    def on_commit(self) -> None:
        """Take note that the results of the batch are committed, or that its records will be polled again."""
        self._in_hand = ()

    @property
    def records(self) -> int:
        """The number of records that are not committed, as far as the log has said."""
        return len(self._in_hand) + sum(self._backlog.values())

    @property
    def seconds(self) -> float:
        """The age of the oldest record that is not committed, at least; 0 if there is none."""
        in_hand = (record.timestamp_ms for record in self._in_hand)
        # The records of a backlog are younger than the last one that was polled.
        ahead = (
            self._reached_ms[source] for source, left in self._backlog.items() if left and source in self._reached_ms
        )
        return max((self._age_s(at_ms) for at_ms in (*in_hand, *ahead)), default=0.0)

    @property
    def backlog_s(self) -> float:
        """The age of the oldest record that was not polled; infinite if it is not known how many there are."""
        if self._unknown:
            return math.inf
        behind = (source for source, left in self._backlog.items() if left)
        return max((self._age_s(self._reached_ms.get(source, 0)) for source in behind), default=0.0)

    def _age_s(self, at_ms: int) -> float:
        return max(0.0, self._clock() - at_ms / 1000)
