"""Who gets which partition, and what a worker tells of it. Needs no broker: all is called as kafka-python calls it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from newsloom.streaming.kafka.assignment import AssignmentChanges, AssignmentTracker
from newsloom.streaming.kafka.assignor import PerTopicStickyAssignor
from newsloom.streaming.records import TopicPartition

P0, P1 = TopicPartition("in", 0), TopicPartition("in", 1)


class Group:
    """A member's callbacks, and the group's generation."""

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


def joined(*assigned: TopicPartition) -> Group:
    group = Group()
    group.rebalance(*assigned, generations=2)
    assert group.assignment.changes() == changes(set(assigned), set())
    return group


def test_nothing_changes_without_a_rebalance() -> None:
    assert joined(P0).assignment.changes() == changes(set(), set(), rebalanced=False)


def test_a_partition_kept_into_the_next_generation_is_neither_lost_nor_gained() -> None:
    group = joined(P0, P1)
    group.rebalance(P0)
    assert group.assignment.changes() == changes(set(), {P1})
    group.rebalance(P0, P1)
    assert group.assignment.changes() == changes({P1}, set())


def test_a_partition_is_lost_and_gained_if_a_generation_was_missed() -> None:
    group = joined(P0)
    group.rebalance(P0, generations=2)
    assert group.assignment.changes() == changes({P0}, {P0})


def test_a_partition_lost_with_the_membership_is_lost_at_once() -> None:
    group = joined(P0)
    group.assignment.on_partitions_lost([P0])
    assert group.assignment.changes() == changes(set(), {P0}, rebalanced=False, joined=False)
    group.generation += 1
    group.assignment.on_partitions_assigned([P0])
    assert group.assignment.changes() == changes({P0}, set())


def test_a_member_has_joined_after_its_first_assignment_even_an_empty_one() -> None:
    group = Group()
    assert group.assignment.changes() == changes(set(), set(), rebalanced=False, joined=False)
    group.assignment.on_partitions_revoked([])
    assert group.assignment.changes() == changes(set(), set(), rebalanced=False, joined=False)
    group.generation += 1
    group.assignment.on_partitions_assigned([])
    assert group.assignment.changes() == changes(set(), set())


def test_a_partition_gained_and_lost_between_two_polls_is_not_reported() -> None:
    group = joined(P0)
    group.rebalance(P0, P1)
    group.rebalance(P0)
    assert group.assignment.changes() == changes(set(), set())


def test_an_unfinished_rebalance_changes_nothing() -> None:
    group = joined(P0)
    group.assignment.on_partitions_revoked([P0])
    assert group.assignment.changes() == changes(set(), set(), rebalanced=False)
    group.generation += 1
    group.assignment.on_partitions_assigned([P0])
    assert group.assignment.changes() == changes(set(), set())


class Metadata:
    """What an assignor asks of a cluster's metadata."""

    def __init__(self, **partitions: int) -> None:
        self._partitions = {topic: set(range(count)) for topic, count in partitions.items()}

    def topics(self) -> set[str]:
        return set(self._partitions)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self._partitions.get(topic)


class Subscriber:
    """A member as the leader sees it, and as it comes back in the next generation."""

    def __init__(self, name: str, *topics: str) -> None:
        self.member_id = name
        self.group_instance_id = name
        self.topics = topics
        self.assignor = PerTopicStickyAssignor()

    @property
    def metadata(self) -> Any:
        return self.assignor.metadata(self.topics)


def shares(metadata: Metadata, *members: Subscriber, generation: int = 1) -> dict[str, set[TopicPartition]]:
    """What each member gets, which is told to it too."""
    assigned = PerTopicStickyAssignor().assign(metadata, members)
    for member in members:
        member.assignor.on_assignment(assigned[member.member_id], generation)
    return {name: {TopicPartition(*source) for source in one.partitions()} for name, one in assigned.items()}


def counts(share: set[TopicPartition]) -> Counter[str]:
    return Counter(topic for topic, _ in share)


def test_each_topic_is_balanced_over_all_members() -> None:
    """A topic with all the work and one that is nearly idle are no fair halves."""
    metadata = Metadata(articles=3, commands=3, other=5)
    a, b = Subscriber("a", "articles", "commands"), Subscriber("b", "articles", "commands")
    shares(metadata, a)

    for generation in (2, 3):
        given = shares(metadata, a, b, generation=generation)
        assert sorted(counts(given["a"])[topic] for topic in ("articles", "commands")) in ([1, 1], [1, 2], [2, 2])
        assert all(counts(share)["articles"] in (1, 2) for share in given.values())
        assert given["a"] | given["b"] == {TopicPartition(topic, n) for topic in a.topics for n in range(3)}


def test_a_member_keeps_its_partitions_when_others_join_and_leave() -> None:
    metadata = Metadata(vectors=6)
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
    shares(Metadata(articles=3, commands=1, other=5), member)
    assert member.assignor.partition_counts == {"articles": 3, "commands": 1}
