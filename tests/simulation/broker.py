"""A broker in memory with Apache Kafka's topics and transactions: a partition is a list of entries with offsets.

Every write is part of a transaction, whose end is an entry too (its marker). Readers of committed records see nothing from the
first record of an open transaction on (the last stable offset), and never see the records of an aborted one. The broker is
single-threaded; its clock moves only by `advance_clock`.
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
from tests.simulation.partitions import Partition, Transaction, TransactionState

TRANSACTION_TIMEOUT_MS: Final = 60_000
SESSION_TIMEOUT_MS: Final = 10_000
BEGIN_MS: Final = 1_750_000_000_000


class ProducerRefused(Exception):
    """Another process has taken the transactional id (`newer`), or the broker has aborted the transaction."""

    def __init__(self, *, newer: bool) -> None:
        super().__init__("fenced by a newer producer" if newer else "the transaction has timed out")
        self.newer = newer


@dataclass(eq=False, slots=True)
class Producer:
    """The holder of a transactional id."""

    owner: object
    transaction: Transaction | None = None
    progress: Progress | None = None


class Broker:
    """All topics, groups and transactional ids of a cluster. Calls `on_commit` with each transaction as it is committed."""

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

    def advance_clock(self, ms: int) -> None:
        """Advance the clock and abort transactions that time out. Sessions are checked when a member calls its group."""
        self.now_ms += ms
        for producer in self._producers.values():
            transaction = producer.transaction
            if transaction is not None and self.now_ms - transaction.began_ms >= self._transaction_timeout_ms:
                self.timed_out += 1
                self._end(producer, transaction, TransactionState.ABORTED)

    # --- topics

    def create(self, spec: TopicSpec) -> None:
        """Create a topic unless one of that name exists."""
        if spec.name not in self.topics:
            self.topics[spec.name] = spec
            self.partitions.update({source: Partition() for source in self.topic_partitions([spec.name])})

    def topic_partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        """Return all partitions of these topics; raise `ConfigurationError` if one does not exist."""
        return [
            TopicPartition(name, number)
            for name in sorted(set(topics))
            for number in range(self.topic(name).partitions)
        ]

    def topic(self, name: str) -> TopicSpec:
        """Return the topic; raise `ConfigurationError` if it does not exist."""
        if name not in self.topics:
            raise ConfigurationError(f"topic {name} does not exist: {CREATE}")
        return self.topics[name]

    def partition(self, source: TopicPartition) -> Partition:
        """Return the partition; raise `ConfigurationError` if it does not exist."""
        if not 0 <= source.partition < self.topic(source.topic).partitions:
            raise ConfigurationError(f"topic {source.topic} has no partition {source.partition}")
        return self.partitions[source]

    # --- groups

    def group(self, name: str) -> Group:
        """Return the group of that name; create it if needed."""
        return self._groups.setdefault(name, Group(name, self._session_timeout_ms, self._is_eager))

    def has_pending_offset(self, group: str, source: TopicPartition) -> bool:
        """Return whether an open transaction contains an offset of this group and partition."""
        transactions = (producer.transaction for producer in self._producers.values())
        return any((group, source) in transaction.offsets for transaction in transactions if transaction is not None)

    # --- transactions

    def init_producer(self, producer: str, owner: object) -> None:
        """Make `owner` the holder of the transactional id and abort the predecessor's open transaction (InitProducerId)."""
        held = self._producers.get(producer)
        if held is None:
            self._producers[producer] = Producer(owner)
            return
        held.owner = owner
        if held.transaction is not None:
            self._end(held, held.transaction, TransactionState.ABORTED)

    def progress(self, producer: str) -> Progress | None:
        """Return the progress that was committed last under the transactional id."""
        return self._producers[producer].progress

    def discard_progress(self, producer: str) -> None:
        """Delete the progress of the transactional id."""
        self._producers[producer].progress = None

    def begin(self, producer: str, owner: object) -> Transaction:
        """Open a transaction; raise `ProducerRefused`."""
        held = self._producers[producer]
        if held.owner is not owner:
            raise ProducerRefused(newer=True)
        held.transaction = Transaction(producer, self.now_ms)
        return held.transaction

    def choose_partitions(self, messages: Sequence[Message]) -> list[tuple[TopicPartition, Message]]:
        """Return each message with its partition; raise `ConfigurationError` if one cannot be written."""
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
        """Append one message; raise `ProducerRefused`."""
        self._check_open(transaction, owner)
        partition = self.partitions[target]
        timestamp_ms = self.now_ms if message.timestamp_ms is None else message.timestamp_ms
        record = Record(*target, partition.end, timestamp_ms, message.key, message.value, message.headers)
        partition.add(record, transaction)
        transaction.records.append(record)

    def send_offsets(
        self, transaction: Transaction, owner: object, group: str, offsets: dict[TopicPartition, int]
    ) -> None:
        """Add the group's offsets to the transaction; raise `ProducerRefused`. `Group.check` checks their ownership."""
        self._check_open(transaction, owner)
        transaction.offsets.update({(group, source): offset for source, offset in offsets.items()})

    def commit(self, transaction: Transaction, owner: object) -> None:
        """Commit the transaction; raise `ProducerRefused`."""
        producer = self._check_open(transaction, owner)
        producer.progress = transaction.progress or producer.progress
        self._end(producer, transaction, TransactionState.COMMITTED)
        for (group, source), offset in transaction.offsets.items():
            self.group(group).committed[source] = offset
        self._on_commit(transaction)

    def _check_open(self, transaction: Transaction, owner: object) -> Producer:
        producer = self._producers[transaction.producer]
        if producer.owner is not owner:
            raise ProducerRefused(newer=True)
        if transaction.state is not TransactionState.OPEN:
            raise ProducerRefused(newer=False)
        return producer

    def _end(self, producer: Producer, transaction: Transaction, state: TransactionState) -> None:
        transaction.state = state
        producer.transaction = None
        for target in dict.fromkeys(record.topic_partition for record in transaction.records):
            self.partitions[target].add(None, transaction)

    def _number(self, message: Message, spec: TopicSpec, added: dict[TopicPartition, int]) -> int:
        if message.partition is not None:
            return message.partition
        key = message.key if message.partition_key is None else message.partition_key
        if key is not None:
            return partition_of(key, spec.partitions)
        sources = self.topic_partitions([spec.name])
        return sum(self.partitions[source].end + added.get(source, 0) for source in sources) % len(sources)


def _check(message: Message, spec: TopicSpec) -> None:
    size, limit = message.size_bytes, spec.max_record_bytes
    if size > limit:
        raise ConfigurationError(f"a record of {size} bytes exceeds the limit of topic {spec.name}, {limit} bytes")
    if message.key is None and spec.policy is CleanupPolicy.COMPACT:
        raise ConfigurationError(f"a record in topic {spec.name} must have a key: the topic is compacted")
    if message.partition is not None and not 0 <= message.partition < spec.partitions:
        raise ConfigurationError(f"topic {spec.name} has no partition {message.partition}")
