"""A broker of topics and transactions in memory, as Apache Kafka keeps them: a partition is a list of entries with offsets.

Whoever writes does it in a transaction, whose end is an entry too (its marker). What an open transaction has written, and all
behind it, readers of committed records do not see yet (the last stable offset); what an aborted one has written they never see.
Single-threaded: every call is an instant on a clock that only `pass_time` moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.partitioning import partition_of
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.topic_check import CREATE
from tests.simulation.group import Group
from tests.simulation.partitions import Partition, State, Transaction

TRANSACTION_TIMEOUT_MS: Final = 60_000
SESSION_TIMEOUT_MS: Final = 10_000
BEGIN_MS: Final = 1_750_000_000_000


class NotTheProducer(Exception):
    """Another process has taken the transactional id, or the broker has ended the transaction. `newer`: the former."""

    def __init__(self, *, newer: bool) -> None:
        super().__init__("fenced by a newer producer" if newer else "the transaction has timed out")
        self.newer = newer


@dataclass(eq=False, slots=True)
class Producer:
    """Who holds a transactional id."""

    owner: object
    transaction: Transaction | None = None
    progress: Progress | None = None


class Broker:
    """All topics, groups and transactional ids of a cluster. `on_commit` is told of each transaction as it is committed."""

    def __init__(
        self,
        *,
        session_timeout_ms: int = SESSION_TIMEOUT_MS,
        transaction_timeout_ms: int = TRANSACTION_TIMEOUT_MS,
        is_eager: bool = True,
        on_commit: Callable[[Transaction], None] = lambda _: None,
    ) -> None:
        self.now_ms = BEGIN_MS
        self.topics: dict[str, TopicSpec] = {}
        self.partitions: dict[TopicPartition, Partition] = {}
        self.timed_out = 0
        self._session_timeout_ms = session_timeout_ms
        self._transaction_timeout_ms = transaction_timeout_ms
        self._is_eager = is_eager
        self._on_commit = on_commit
        self._groups: dict[str, Group] = {}
        self._producers: dict[str, Producer] = {}

    def pass_time(self, ms: int) -> None:
        """Let time pass, and transactions run out of theirs. Sessions are looked at by the members of their group."""
        self.now_ms += ms
        for producer in self._producers.values():
            transaction = producer.transaction
            if transaction is not None and self.now_ms - transaction.began_ms >= self._transaction_timeout_ms:
                self.timed_out += 1
                self._end(producer, transaction, State.ABORTED)

    # --- topics

    def create(self, spec: TopicSpec) -> None:
        """Create a topic unless there is one of that name."""
        if spec.name not in self.topics:
            self.topics[spec.name] = spec
            self.partitions.update({source: Partition() for source in self.sources([spec.name])})

    def sources(self, topics: Sequence[str]) -> list[TopicPartition]:
        """All partitions of these topics; raises `ConfigurationError` if there is no such topic."""
        return [
            TopicPartition(name, number)
            for name in sorted(set(topics))
            for number in range(self.topic(name).partitions)
        ]

    def topic(self, name: str) -> TopicSpec:
        """The topic; raises `ConfigurationError` if there is none."""
        if name not in self.topics:
            raise ConfigurationError(f"topic {name} does not exist: {CREATE}")
        return self.topics[name]

    def partition(self, source: TopicPartition) -> Partition:
        """The partition; raises `ConfigurationError` if there is none."""
        if not 0 <= source.partition < self.topic(source.topic).partitions:
            raise ConfigurationError(f"topic {source.topic} has no partition {source.partition}")
        return self.partitions[source]

    # --- groups

    def group(self, name: str) -> Group:
        """The group of that name."""
        return self._groups.setdefault(name, Group(name, self._session_timeout_ms, self._is_eager))

    def is_unsettled(self, group: str, source: TopicPartition) -> bool:
        """Whether an open transaction is about to move the group's offset of the partition: until it ends nobody knows it."""
        transactions = (producer.transaction for producer in self._producers.values())
        return any((group, source) in transaction.offsets for transaction in transactions if transaction is not None)

    # --- transactions

    def take(self, producer: str, owner: object) -> None:
        """Make `owner` the one who holds the transactional id; what a predecessor has left open is aborted."""
        held = self._producers.get(producer)
        if held is None:
            self._producers[producer] = Producer(owner)
            return
        held.owner = owner
        if held.transaction is not None:
            self._end(held, held.transaction, State.ABORTED)

    def progress(self, producer: str) -> Progress | None:
        """The progress that was committed last under the transactional id."""
        return self._producers[producer].progress

    def begin(self, producer: str, owner: object) -> Transaction:
        """Open a transaction; raises `NotTheProducer`."""
        held = self._producers[producer]
        if held.owner is not owner:
            raise NotTheProducer(newer=True)
        held.transaction = Transaction(producer, self.now_ms)
        return held.transaction

    def place(self, messages: Sequence[Message]) -> list[tuple[TopicPartition, Message]]:
        """Where each message is to go; raises `ConfigurationError` if one cannot be written."""
        added: dict[TopicPartition, int] = {}
        placed = []
        for message in messages:
            spec = self.topic(message.topic)
            _check(message, spec)
            target = TopicPartition(spec.name, self._number(message, spec, added))
            added[target] = added.get(target, 0) + 1
            placed.append((target, message))
        return placed

    def append(self, transaction: Transaction, owner: object, target: TopicPartition, message: Message) -> None:
        """Write one message; raises `NotTheProducer`."""
        self._check_open(transaction, owner)
        partition = self.partitions[target]
        timestamp_ms = self.now_ms if message.timestamp_ms is None else message.timestamp_ms
        record = Record(*target, partition.end, timestamp_ms, message.key, message.value, message.headers)
        partition.add(record, transaction)
        transaction.records.append(record)

    def send_offsets(
        self, transaction: Transaction, owner: object, group: str, offsets: dict[TopicPartition, int]
    ) -> None:
        """Let the transaction move the group's offsets too; raises `NotTheProducer`. Whose they are the group checks."""
        self._check_open(transaction, owner)
        transaction.offsets.update({(group, source): offset for source, offset in offsets.items()})

    def commit(self, transaction: Transaction, owner: object) -> None:
        """End the transaction; raises `NotTheProducer`."""
        producer = self._check_open(transaction, owner)
        producer.progress = transaction.progress or producer.progress
        self._end(producer, transaction, State.COMMITTED)
        for (group, source), offset in transaction.offsets.items():
            self.group(group).committed[source] = offset
        self._on_commit(transaction)

    def _check_open(self, transaction: Transaction, owner: object) -> Producer:
        producer = self._producers[transaction.producer]
        if producer.owner is not owner:
            raise NotTheProducer(newer=True)
        if transaction.state is not State.OPEN:
            raise NotTheProducer(newer=False)
        return producer

    def _end(self, producer: Producer, transaction: Transaction, state: State) -> None:
        transaction.state = state
        producer.transaction = None
        for target in dict.fromkeys(record.source for record in transaction.records):
            self.partitions[target].add(None, transaction)

    def _number(self, message: Message, spec: TopicSpec, added: dict[TopicPartition, int]) -> int:
        if message.partition is not None:
            return message.partition
        if message.key is not None:
            return partition_of(message.key, spec.partitions)
        sources = self.sources([spec.name])
        return sum(self.partitions[source].end + added.get(source, 0) for source in sources) % len(sources)


def _check(message: Message, spec: TopicSpec) -> None:
    size = len(message.key or b"") + len(message.value or b"") + sum(len(k) + len(v) for k, v in message.headers)
    if size > spec.max_record_bytes:
        raise ConfigurationError(f"a record of {size} bytes is over the {spec.max_record_bytes} of topic {spec.name}")
    if message.key is None and spec.policy is CleanupPolicy.COMPACT:
        raise ConfigurationError(f"a record without a key cannot stand in topic {spec.name}, which is compacted")
    if message.partition is not None and not 0 <= message.partition < spec.partitions:
        raise ConfigurationError(f"topic {spec.name} has no partition {message.partition}")
