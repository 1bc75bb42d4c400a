"""Assign partitions to the members of a consumer group."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kafka.coordinator.assignors.sticky.sticky_assignor import (
    StickyAssignmentExecutor,
    StickyAssignorMemberMetadataV1,
    StickyPartitionAssignor,
)
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from newsloom.streaming.partitioning import assigned_together


class CoPartitioningStickyAssignor(StickyPartitionAssignor):  # type: ignore[misc]  # kafka-python ships no types
    """The sticky assignor, run for each group of co-partitioned topics by itself. It also sends each member the partition counts
    it used.

    Balanced over all topics together, one member could get every partition of a busy topic and another as many of an idle
    one. `GroupConsumer` compares the counts with the cluster's metadata to find new partitions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.partition_counts: dict[str, int] = {}
        """Number of partitions of each topic, in the leader's metadata when it made the current assignment."""

    def assign(self, cluster: Any, members: Iterable[Any]) -> dict[str, Any]:
        """Return the assignment of each member by its id; kafka-python's signature."""
        metadata = {member.member_id: self.parse_member_metadata(member.metadata) for member in members}
        subscribers = {
            topic: frozenset(member_id for member_id, one in metadata.items() if topic in one.subscription)
            for topic in {topic for member in metadata.values() for topic in member.subscription}
        }
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in sorted(subscribers)}
        shares: dict[str, list[tuple[str, list[int]]]] = {member_id: [] for member_id in metadata}
        for topics in assigned_together(counts, subscribers):
            of_first = {member_id: _restrict(member, topics[0]) for member_id, member in metadata.items()}
            executor = StickyAssignmentExecutor(cluster, of_first)
            executor.perform_initial_assignment()
            executor.balance()
            for member_id, share in shares.items():
                for _, numbers in executor.get_final_assignment(member_id):
                    share.extend((topic, numbers) for topic in topics)
        data = json.dumps(counts).encode()
        return {member_id: ConsumerProtocolAssignment(self.version, share, data) for member_id, share in shares.items()}

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """Remember the assignment and its partition counts; kafka-python's signature."""
        super().on_assignment(assignment, generation)
        # A leader that runs an older newsloom sends no counts.
        self.partition_counts = json.loads(assignment.user_data) if assignment.user_data else {}


def _restrict(member: Any, topic: str) -> Any:
    return StickyAssignorMemberMetadataV1(
        subscription=[topic] if topic in member.subscription else [],
        partitions=[source for source in member.partitions if source.topic == topic],
        generation=member.generation,
    )
