"""Who gets which partition."""

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


class TopicwiseAssignor(StickyPartitionAssignor):  # type: ignore[misc]  # kafka-python ships no types
    """The sticky assignor, one topic after another; it also tells each member how many partitions it has given out.

    Over all topics together a member with every partition of a busy topic and one with as many of an idle one have fair
    shares. The counts are for whoever compares them with what there is: see `GroupConsumer`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.given_out: dict[str, int] = {}
        """Partitions of each topic, as the leader knew them when it made this member's assignment."""

    def assign(self, cluster: Any, members: Iterable[Any]) -> dict[str, Any]:
        """The share of each member, by its id; kafka-python's signature."""
        known = {member.member_id: self.parse_member_metadata(member.metadata) for member in members}
        topics = sorted({topic for member in known.values() for topic in member.subscription})
        shares: dict[str, list[tuple[str, list[int]]]] = {name: [] for name in known}
        for topic in topics:
            executor = StickyAssignmentExecutor(cluster, {name: _of_topic(one, topic) for name, one in known.items()})
            executor.perform_initial_assignment()
            executor.balance()
            for name in known:
                shares[name].extend(executor.get_final_assignment(name))
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        told = json.dumps(counts).encode()
        return {name: ConsumerProtocolAssignment(self.version, share, told) for name, share in shares.items()}

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """Remember what was assigned; kafka-python's signature."""
        super().on_assignment(assignment, generation)
        # A leader that runs an older newsloom tells nothing.
        self.given_out = json.loads(assignment.user_data) if assignment.user_data else {}


def _of_topic(member: Any, topic: str) -> Any:
    return StickyAssignorMemberMetadataV1(
        subscription=[topic] if topic in member.subscription else [],
        partitions=[source for source in member.partitions if source.topic == topic],
        generation=member.generation,
    )
