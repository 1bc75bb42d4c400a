"""Consumer groups as Kafka keeps them: static members, generations, and an offset that only the present generation may move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from newsloom.streaming.errors import CommitFailed, Fenced
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.sqlite.assignment import assign


class Identity(NamedTuple):
    """Who a process was in the group when it polled. `member` counts the processes of one instance."""

    instance: str
    member: int
    generation: int


@dataclass(slots=True)
class Member:
    """A static member: the process that holds the instance's name now."""

    number: int
    sources: Sequence[TopicPartition]
    seen_ms: int
    active: bool = True


@dataclass(slots=True)
class Group:
    """Who owns which partition, since which generation. Every membership that begins or ends makes a new generation."""

    name: str
    session_timeout_ms: int
    is_eager: bool = True
    """Whether a rebalance makes all that was polled before it void, as Kafka's eager protocol does; else only what was polled of
    partitions that have moved, as on the SQLite log and with Kafka's cooperative protocol."""
    generation: int = 0
    sessions_ended: int = 0
    refused: int = 0
    """How many commits of older generations."""
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    _members: dict[str, Member] = field(default_factory=dict)
    _owners: dict[TopicPartition, str] = field(default_factory=dict)
    _since: dict[TopicPartition, int] = field(default_factory=dict)

    def join(self, instance: str, sources: Sequence[TopicPartition], now_ms: int) -> Identity:
        """Become the process of that instance. One that is a member already keeps its partitions, and its generation."""
        before = self._members.get(instance)
        number = 1 if before is None else before.number + 1
        self._members[instance] = Member(number, sources, now_ms)
        if self._evict(now_ms) or before is None or not before.active:
            self.rebalance()
        return Identity(instance, number, self.generation)

    def heartbeat(self, identity: Identity, now_ms: int) -> Identity:
        """Be alive, a member again if the session had ended, and in the present generation.

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
        """Whether who has polled, when it owned these partitions, may commit.

        Raises:
            Fenced: another process has the instance's name.
            CommitFailed: the session has ended, there is a newer generation, or a partition has gone.

        """
        member = self._member(identity)
        is_older = self.is_eager and identity.generation != self.generation
        if not member.active or is_older or not owned.items() <= self.owned(identity.instance).items():
            self.refused += 1
            raise CommitFailed(f"{identity} is of an older generation: it is {self.generation}")
        member.seen_ms = now_ms

    def owned(self, instance: str) -> dict[TopicPartition, int]:
        """The partitions of the instance, each with the generation since which they have been its own."""
        return {source: self._since[source] for source in sorted(self._owners) if self._owners[source] == instance}

    def active(self) -> list[str]:
        """The instances that are members now."""
        return [instance for instance, member in self._members.items() if member.active]

    def leave(self, instance: str) -> bool:
        """End the instance's session, if it has one; it may come back with its next heartbeat."""
        member = self._members.get(instance)
        if member is None or not member.active:
            return False
        member.active = False
        self.rebalance()
        return True

    def rebalance(self, kept: Callable[[TopicPartition], bool] = lambda _: True) -> None:
        """A new generation, balanced. What is not `kept` may go to another member."""
        self.generation += 1
        active = {instance: member for instance, member in self._members.items() if member.active}
        sources = sorted({source for member in active.values() for source in member.sources})
        eligible = [
            frozenset(name for name, member in active.items() if source in member.sources) for source in sources
        ]
        owners = {
            place: self._owners[source]
            for place, source in enumerate(sources)
            if source in self._owners and kept(source)
        }
        found = assign(dict(enumerate(eligible)), owners)
        now = {sources[place]: owner for place, owner in found.items()}
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
