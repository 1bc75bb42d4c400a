"""Consumer groups as in Kafka: static members, generations, and offsets that only the current generation may commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from newsloom.streaming.errors import CommitFailed, Fenced
from newsloom.streaming.partitioning import assigned_together
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.sqlite.assignment import assign


class Identity(NamedTuple):
    """A process's identity in the group when it polled. `member` counts the processes of one instance."""

    instance: str
    member: int
    generation: int


@dataclass(slots=True)
class Member:
    """A static member: the process that holds the instance name now."""

    number: int
    sources: Sequence[TopicPartition]
    seen_ms: int
    active: bool = True


@dataclass(slots=True)
class Group:
    """The owner of each partition, and since which generation. A member that joins or leaves starts a new generation."""

    name: str
    session_timeout_ms: int
    is_eager: bool = True
    """Whether a rebalance invalidates every batch polled before it, as in Kafka's eager protocol. Otherwise only batches of
    partitions that have moved are invalid, as on SQLite and in Kafka's cooperative protocol."""
    generation: int = 0
    sessions_ended: int = 0
    refused: int = 0
    """Number of refused commits of older generations."""
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    _members: dict[str, Member] = field(default_factory=dict)
    _owners: dict[TopicPartition, str] = field(default_factory=dict)
    _since: dict[TopicPartition, int] = field(default_factory=dict)

    def join(self, instance: str, sources: Sequence[TopicPartition], now_ms: int) -> Identity:
        """Join as the process of that instance. If the instance is a member already, partitions and generation stay the same."""
        before = self._members.get(instance)
        number = 1 if before is None else before.number + 1
        self._members[instance] = Member(number, sources, now_ms)
        if self._evict(now_ms) or before is None or not before.active:
            self.rebalance()
        return Identity(instance, number, self.generation)

    def heartbeat(self, identity: Identity, now_ms: int) -> Identity:
        """Renew the session, rejoin if it had ended, and return the identity in the current generation.

        Raises:
            Fenced: another process has the instance's name.

        """
        member = self._member(identity)
        member.seen_ms = now_ms
        evicted = self._evict(now_ms)
        if evicted or not member.active:
            member.active = True
            self.rebalance()
        return identity._replace(generation=self.generation)

    def check(self, identity: Identity, owned: Mapping[TopicPartition, int], now_ms: int) -> None:
        """Check that a process that polled when it owned these partitions may commit.

        Raises:
            Fenced: another process has the instance's name.
            CommitFailed: the session has ended, the generation is newer, or a partition has moved.

        """
        member = self._member(identity)
        is_older = self.is_eager and identity.generation != self.generation
        if not member.active or is_older or not owned.items() <= self.owned(identity.instance).items():
            self.refused += 1
            raise CommitFailed(f"{identity} is of an older generation than {self.generation}")
        member.seen_ms = now_ms

    def owned(self, instance: str) -> dict[TopicPartition, int]:
        """Return the partitions of the instance, each with the generation in which it got them."""
        return {source: self._since[source] for source in sorted(self._owners) if self._owners[source] == instance}

    def active(self) -> list[str]:
        """Return the instances that are members now."""
        return [instance for instance, member in self._members.items() if member.active]

    def end(self, identity: Identity) -> None:
        """End the session of a process that stops.

        Raises:
            Fenced: another process has the instance's name.

        """
        self._member(identity)
        self.leave(identity.instance)

    def leave(self, instance: str) -> bool:
        """End the instance's session; return False if it has none. Its next heartbeat rejoins."""
        member = self._members.get(instance)
        if member is None or not member.active:
            return False
        member.active = False
        self.rebalance()
        return True

    def rebalance(self, kept: Callable[[TopicPartition], bool] = lambda _: True) -> None:
        """Start a new generation with balanced partitions. Partitions that are not `kept` may move to another member."""
        self.generation += 1
        active = {instance: member for instance, member in self._members.items() if member.active}
        subscribers: dict[str, frozenset[str]] = {}
        partitions: dict[str, list[TopicPartition]] = {}
        for name, member in active.items():
            for topic in {source.topic for source in member.sources}:
                subscribers[topic] = subscribers.get(topic, frozenset()) | {name}
                partitions[topic] = sorted(source for source in member.sources if source.topic == topic)
        shares = [
            share
            for topics in assigned_together({topic: len(found) for topic, found in partitions.items()}, subscribers)
            for share in zip(*(partitions[topic] for topic in topics), strict=True)
        ]
        owners = {
            index: self._owners[share[0]]
            for index, share in enumerate(shares)
            if share[0] in self._owners and all(map(kept, share))
        }
        found = assign({index: subscribers[share[0].topic] for index, share in enumerate(shares)}, owners)
        now = {source: owner for index, owner in found.items() for source in shares[index]}
        for source, owner in now.items():
            if self._owners.get(source) != owner:
                self._since[source] = self.generation
        self._owners = now

    def _member(self, identity: Identity) -> Member:
        member = self._members[identity.instance]
        if member.number != identity.member:
            raise Fenced(f"another process has joined as instance {identity.instance} of group {self.name}")
        return member

    def _evict(self, now_ms: int) -> bool:
        ended = [
            one for one in self._members.values() if one.active and now_ms - one.seen_ms >= self.session_timeout_ms
        ]
        for member in ended:
            member.active = False
        self.sessions_ended += len(ended)
        return bool(ended)
