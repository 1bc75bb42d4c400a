"""Track which partitions a member gained and lost between two polls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kafka import ConsumerRebalanceListener

from newsloom.streaming.records import TopicPartition


@dataclass(frozen=True, slots=True)
class AssignmentChanges:
    """What changed since the last call of `changes`.

    A partition in both sets was, or may have been, another member's in between. `joined`: the group has assigned partitions
    to this member, possibly none, and the membership has not ended since.
    """

    gained: frozenset[TopicPartition]
    lost: frozenset[TopicPartition]
    rebalanced: bool
    joined: bool


class AssignmentTracker(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """Records rebalances. Its callbacks run on kafka-python's thread and must not call the consumer.

    An eager rebalance revokes all partitions and assigns them anew. A partition that is assigned again in the next generation
    of the group belonged to nobody else in between and counts as kept.
    """

    def __init__(self, generation: Callable[[], int]) -> None:
        self._generation = generation
        self._lock = threading.Lock()
        self._assigned: set[TopicPartition] = set()
        self._reported: set[TopicPartition] = set()
        self._dropped: set[TopicPartition] = set()
        self._revoked_generation = -1
        self._rebalanced = False
        self._joined = False

    def on_partitions_revoked(self, revoked: Iterable[tuple[str, int]]) -> None:  # noqa: ARG002 - always all of them
        """Note that a rebalance begins; partitions revoked here may be assigned again when it ends."""
        with self._lock:
            self._revoked_generation = self._generation()

    def on_partitions_lost(self, lost: Iterable[tuple[str, int]]) -> None:  # noqa: ARG002 - always all of them
        """Note that the membership has ended; another member may own the partitions by now."""
        with self._lock:
            self._drop(self._assigned)
            self._joined = False

    def on_partitions_assigned(self, assigned: Iterable[tuple[str, int]]) -> None:
        """Note that a rebalance has ended; this member owns exactly these partitions."""
        with self._lock:
            now = {TopicPartition(*source) for source in assigned}
            consecutive = self._revoked_generation >= 0 and self._generation() == self._revoked_generation + 1
            self._drop(self._assigned - now if consecutive else self._assigned)
            self._assigned = now
            self._revoked_generation = -1
            self._rebalanced = self._joined = True

    def changes(self) -> AssignmentChanges:
        """Return what has changed since the last call."""
        with self._lock:
            lost = self._reported & self._dropped
            changes = AssignmentChanges(
                gained=frozenset(self._assigned - (self._reported - lost)),
                lost=frozenset(lost),
                rebalanced=self._rebalanced,
                joined=self._joined,
            )
            self._reported = set(self._assigned)
            self._dropped = set()
            self._rebalanced = False
            return changes

    def _drop(self, sources: set[TopicPartition]) -> None:
        self._dropped |= sources
        self._assigned = self._assigned - sources
