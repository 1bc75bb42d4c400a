"""Which partitions came and went between two polls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kafka import ConsumerRebalanceListener

from newsloom.streaming.records import TopicPartition


@dataclass(frozen=True, slots=True)
class AssignmentChanges:
    """What the polls since the last look brought. A partition in both sets was, or may have been, another's in between.

    `joined`: the group has given out its partitions to this member, be it none, and the membership has not ended since.
    """

    gained: frozenset[TopicPartition]
    lost: frozenset[TopicPartition]
    rebalanced: bool
    joined: bool


class AssignmentTracker(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """Records what rebalances do. The callbacks run on kafka-python's thread and may not call back: they only note.

    An eager rebalance revokes everything and assigns anew. A partition that comes back in the very next generation of the
    group was nobody else's meanwhile, and counts as kept.
    """

    def __init__(self, generation: Callable[[], int]) -> None:
        self._generation = generation
        self._lock = threading.Lock()
        self._held: set[TopicPartition] = set()
        self._reported: set[TopicPartition] = set()
        self._away: set[TopicPartition] = set()
        self._left_at = -1
        self._rebalanced = False
        self._joined = False

    def on_partitions_revoked(self, revoked: Iterable[tuple[str, int]]) -> None:  # noqa: ARG002 - all there are
        """A rebalance begins; what is given back here may come back at its end."""
        with self._lock:
            self._left_at = self._generation()

    def on_partitions_lost(self, lost: Iterable[tuple[str, int]]) -> None:  # noqa: ARG002 - all there are
        """The membership is gone, and the partitions are, or may be, another's."""
        with self._lock:
            self._drop(self._held)
            self._joined = False

    def on_partitions_assigned(self, assigned: Iterable[tuple[str, int]]) -> None:
        """A rebalance has ended; these partitions are ours, and no others."""
        with self._lock:
            now = {TopicPartition(*source) for source in assigned}
            followed_on = self._left_at >= 0 and self._generation() == self._left_at + 1
            self._drop(self._held - now if followed_on else self._held)
            self._held = now
            self._left_at = -1
            self._rebalanced = self._joined = True

    def changes(self) -> AssignmentChanges:
        """What has changed since the last call."""
        with self._lock:
            lost = self._reported & self._away
            changes = AssignmentChanges(
                gained=frozenset(self._held - (self._reported - lost)),
                lost=frozenset(lost),
                rebalanced=self._rebalanced,
                joined=self._joined,
            )
            self._reported = set(self._held)
            self._away = set()
            self._rebalanced = False
            return changes

    def _drop(self, sources: set[TopicPartition]) -> None:
        self._away |= sources
        self._held = self._held - sources
