"""The assignor and the tracking of assignments. No broker: the tests call them as kafka-python does."""

from __future__ import annotations

from collections import Counter
from typing import Any

from newsloom.streaming.kafka.assignment import AssignmentChanges, AssignmentTracker
from newsloom.streaming.kafka.assignor import CoPartitioningStickyAssignor
from newsloom.streaming.records import TopicPartition

P0, P1 = TopicPartition("in", 0), TopicPartition("in", 1)


class MemberCallbacks:
    """The callbacks of a member and the generation of its group."""

    def __init__(self) -> None:
        self.generation = -1
        self.assignment = AssignmentTracker(lambda: self.generation)

    def rebalance(self, *assigned: TopicPartition, generations: int = 1) -> None:
        self.assignment.on_partitions_revoked([])
        self.generation += generations
        self.assignment.on_partitions_assigned(assigned)


def changes(
    gained: set[TopicPartition], lost: set[TopicPartition], *, rebalanced: bool = True, joined: bool = True
) -> AssignmentChanges:
    return AssignmentChanges(frozenset(gained), frozenset(lost), rebalanced, joined)


def joined(*assigned: TopicPartition) -> MemberCallbacks:
    member = MemberCallbacks()
    member.rebalance(*assigned, generations=2)
    assert member.assignment.changes() == changes(set(assigned), set())
    return member


def test_nothing_changes_without_a_rebalance() -> None:
    assert joined(P0).assignment.changes() == changes(set(), set(), rebalanced=False)


def test_a_partition_kept_into_the_next_generation_is_neither_lost_nor_gained() -> None:
    member = joined(P0, P1)
    member.rebalance(P0)
    assert member.assignment.changes() == changes(set(), {P1})
    member.rebalance(P0, P1)
    assert member.assignment.changes() == changes({P1}, set())


def test_a_partition_is_lost_and_gained_if_a_generation_was_missed() -> None:
    member = joined(P0)
    member.rebalance(P0, generations=2)
    assert member.assignment.changes() == changes({P0}, {P0})


def test_a_partition_lost_with_the_membership_is_lost_at_once() -> None:
    member = joined(P0)
    member.assignment.on_partitions_lost([P0])
    assert member.assignment.changes() == changes(set(), {P0}, rebalanced=False, joined=False)
    member.generation += 1
    member.assignment.on_partitions_assigned([P0])
    assert member.assignment.changes() == changes({P0}, set())


def test_a_member_has_joined_after_its_first_assignment_even_an_empty_one() -> None:
    member = MemberCallbacks()
    assert member.assignment.changes() == changes(set(), set(), rebalanced=False, joined=False)
    member.assignment.on_partitions_revoked([])
    assert member.assignment.changes() == changes(set(), set(), rebalanced=False, joined=False)
    member.generation += 1
    member.assignment.on_partitions_assigned([])
    assert member.assignment.changes() == changes(set(), set())


def test_a_partition_gained_and_lost_between_two_polls_is_not_reported() -> None:
    member = joined(P0)
    member.rebalance(P0, P1)
    member.rebalance(P0)
    assert member.assignment.changes() == changes(set(), set())


def test_an_unfinished_rebalance_changes_nothing() -> None:
    member = joined(P0)
    member.assignment.on_partitions_revoked([P0])
    assert member.assignment.changes() == changes(set(), set(), rebalanced=False)
    member.generation += 1
    member.assignment.on_partitions_assigned([P0])
    assert member.assignment.changes() == changes(set(), set())


class FakeMetadata:
    """The part of a cluster's metadata that an assignor uses."""

    def __init__(self, **partitions: int) -> None:
        self._partitions = {topic: set(range(count)) for topic, count in partitions.items()}

    def topics(self) -> set[str]:
        return set(self._partitions)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self._partitions.get(topic)


class Subscriber:
    """A member as the leader sees it; it keeps its assignor for the next generation."""

    def __init__(self, name: str, *topics: str) -> None:
        self.member_id = name
        self.group_instance_id = name
        self.topics = topics
        self.assignor = CoPartitioningStickyAssignor()

    @property
    def metadata(self) -> Any:
        return self.assignor.metadata(self.topics)


def shares(metadata: FakeMetadata, *members: Subscriber, generation: int = 1) -> dict[str, set[TopicPartition]]:
    """Assign the partitions, send each member its share, and return the shares by member id."""
    assigned = CoPartitioningStickyAssignor().assign(metadata, members)
    for member in members:
        member.assignor.on_assignment(assigned[member.member_id], generation)
    return {name: {TopicPartition(*source) for source in one.partitions()} for name, one in assigned.items()}


def counts(share: set[TopicPartition]) -> Counter[str]:
    return Counter(topic for topic, _ in share)


def test_each_topic_is_balanced_over_all_members() -> None:
    """Otherwise one member could get all partitions of a busy topic and another all of an idle one."""
    metadata = FakeMetadata(articles=3, commands=3, other=5)
    a, b = Subscriber("a", "articles", "commands"), Subscriber("b", "articles", "commands")
    shares(metadata, a)

    for generation in (2, 3):
        given = shares(metadata, a, b, generation=generation)
        assert sorted(counts(given["a"])[topic] for topic in ("articles", "commands")) in ([1, 1], [1, 2], [2, 2])
        assert all(counts(share)["articles"] in (1, 2) for share in given.values())
        assert given["a"] | given["b"] == {TopicPartition(topic, n) for topic in a.topics for n in range(3)}


def test_a_member_keeps_its_partitions_when_others_join_and_leave() -> None:
    metadata = FakeMetadata(vectors=6)
    a, b, c = (Subscriber(name, "vectors") for name in "abc")
    two = shares(metadata, a, b)
    three = shares(metadata, a, b, c, generation=2)
    assert {name: len(share) for name, share in three.items()} == {"a": 2, "b": 2, "c": 2}
    assert three["a"] < two["a"]
    assert three["b"] < two["b"]

    again = shares(metadata, a, b, generation=3)
    assert three["a"] < again["a"]
    assert three["b"] < again["b"]


def test_a_member_receives_the_partition_counts_of_the_assignment() -> None:
    member = Subscriber("a", "articles", "commands")
    shares(FakeMetadata(articles=3, commands=1, other=5), member)
    assert member.assignor.partition_counts == {"articles": 3, "commands": 1}
