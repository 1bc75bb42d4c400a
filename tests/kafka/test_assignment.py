"""What a worker tells of rebalances. Needs no broker: the callbacks are called as kafka-python calls them."""

from __future__ import annotations

from newsloom.streaming.kafka.assignment import Assignment, Changes
from newsloom.streaming.records import TopicPartition

P0, P1 = TopicPartition("in", 0), TopicPartition("in", 1)


class Group:
    """A member's callbacks, and the group's generation."""

    def __init__(self) -> None:
        self.generation = -1
        self.assignment = Assignment(lambda: self.generation)

    def rebalance(self, *assigned: TopicPartition, generations: int = 1) -> None:
        self.assignment.on_partitions_revoked([])
        self.generation += generations
        self.assignment.on_partitions_assigned(assigned)


def changes(gained: set[TopicPartition], lost: set[TopicPartition], *, rebalanced: bool = True) -> Changes:
    return Changes(frozenset(gained), frozenset(lost), rebalanced)


def joined(*assigned: TopicPartition) -> Group:
    group = Group()
    group.rebalance(*assigned, generations=2)
    assert group.assignment.changes() == changes(set(assigned), set())
    return group


def test_nothing_happens_between_rebalances() -> None:
    assert joined(P0).assignment.changes() == changes(set(), set(), rebalanced=False)


def test_a_partition_kept_into_the_next_generation_is_neither_lost_nor_gained() -> None:
    group = joined(P0, P1)
    group.rebalance(P0)
    assert group.assignment.changes() == changes(set(), {P1})
    group.rebalance(P0, P1)
    assert group.assignment.changes() == changes({P1}, set())


def test_a_partition_that_may_have_been_anothers_for_a_generation_is_lost_and_gained() -> None:
    group = joined(P0)
    group.rebalance(P0, generations=2)
    assert group.assignment.changes() == changes({P0}, {P0})


def test_a_partition_lost_with_the_membership_is_lost_at_once() -> None:
    group = joined(P0)
    group.assignment.on_partitions_lost([P0])
    assert group.assignment.changes() == changes(set(), {P0}, rebalanced=False)
    group.generation += 1
    group.assignment.on_partitions_assigned([P0])
    assert group.assignment.changes() == changes({P0}, set())


def test_what_came_and_went_between_two_polls_is_not_told() -> None:
    group = joined(P0)
    group.rebalance(P0, P1)
    group.rebalance(P0)
    assert group.assignment.changes() == changes(set(), set())


def test_a_rebalance_that_has_not_ended_changes_nothing_yet() -> None:
    group = joined(P0)
    group.assignment.on_partitions_revoked([P0])
    assert group.assignment.changes() == changes(set(), set(), rebalanced=False)
    group.generation += 1
    group.assignment.on_partitions_assigned([P0])
    assert group.assignment.changes() == changes(set(), set())
