"""The port's `Worker` on the simulated broker. Like the Kafka adapter, it recovers from a failed commit before it polls on."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from newsloom.streaming.errors import CommitFailed, Fenced, LogError, LogUnavailable
from newsloom.streaming.records import Batch, Message, Record, TopicPartition
from tests.simulation.broker import Broker
from tests.simulation.fault_points import FaultPoint, Runtime
from tests.simulation.group import Identity
from tests.simulation.partitions import Transaction
from tests.simulation.transactional_producer import TransactionalProducer

SLICE_MS: Final = 100


@dataclass(frozen=True, slots=True)
class Token:
    """The identity that polled a batch, the partitions it owned (with their generations), and the offsets after the batch."""

    identity: Identity
    owned: dict[TopicPartition, int]
    offsets: dict[TopicPartition, int]


class SimulatedWorker:
    """A static member with its own transactional id."""

    def __init__(self, broker: Broker, runtime: Runtime, *, group: str, instance: str, topics: Sequence[str]) -> None:
        sources = broker.topic_partitions(topics)
        runtime.reach(FaultPoint.JOIN)
        self._broker = broker
        self._runtime = runtime
        self._group = broker.group(group)
        self._transactions = TransactionalProducer(broker, runtime, f"{group}-{instance}")
        self._identity = self._group.join(instance, sources, broker.now_ms)
        self._reported: dict[TopicPartition, int] = {}
        self._next: dict[TopicPartition, int] = {}
        self._uncommitted: deque[Token] = deque()
        self._polled_in = -1
        self._must_recover = False
        self._turn = 0

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        """See the port."""
        self._runtime.reach(FaultPoint.POLL)
        if self._must_recover:
            self._recover()
        deadline_ms = self._broker.now_ms + timeout_ms
        while True:
            batch = self._fetch_batch(max_records)
            left_ms = deadline_ms - self._broker.now_ms
            if batch.records or batch.gained or batch.lost or left_ms <= 0:
                self._runtime.reach(FaultPoint.POLLED)
                return batch
            self._runtime.wait(min(left_ms, SLICE_MS))

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        """See the port."""
        token = batch.token
        if not isinstance(token, Token):
            raise TypeError("the batch was not returned by poll")
        if not token.offsets and not messages:
            return
        is_next = bool(self._uncommitted) and self._uncommitted[0] is token
        if self._must_recover or (token.offsets and not is_next):
            self._fail(CommitFailed("the batch is not the next one, or was polled before a rebalance"))
        try:
            self._transactions.run(messages, send_offsets=lambda transaction: self._send_offsets(transaction, token))
        except LogError as error:
            self._fail(error)
        if token.offsets:
            self._uncommitted.popleft()

    def close(self) -> None:
        """See the port."""
        with suppress(Fenced):
            self._group.end(self._identity)

    def _send_offsets(self, transaction: Transaction, token: Token) -> None:
        if token.offsets:
            self._group.check(token.identity, token.owned, self._broker.now_ms)
        self._broker.send_offsets(transaction, self._transactions, self._group.name, token.offsets)

    def _fail(self, error: LogError) -> NoReturn:
        if not isinstance(error, Fenced):
            self._must_recover = True
            # If it fails here, the next poll tries again.
            with suppress(LogUnavailable):
                self._recover()
        raise error

    def _recover(self) -> None:
        # The order matters: a fenced process must not take the id back, and offsets are final only after the transaction ends.
        self._identity = self._group.heartbeat(self._identity, self._broker.now_ms)
        self._runtime.reach(FaultPoint.RECOVER)
        self._transactions.init_transactions()
        self._next.clear()
        self._uncommitted.clear()
        self._must_recover = False

    def _fetch_batch(self, max_records: int) -> Batch:
        self._identity = self._group.heartbeat(self._identity, self._broker.now_ms)
        owned = self._group.owned(self._identity.instance)
        gained, lost = owned.items() - self._reported.items(), self._reported.items() - owned.items()
        self._reported = owned
        is_invalid = self._group.is_eager and self._polled_in != self._identity.generation
        self._polled_in = self._identity.generation
        if is_invalid:
            # No earlier batch may be committed: return to the committed offsets.
            self._uncommitted.clear()
        moved = self._next.keys() if is_invalid else {source for source, _ in gained | lost}
        self._next = {source: offset for source, offset in self._next.items() if source not in moved}
        records = [] if is_invalid else self._fetch(list(owned), self._runtime.fetch_size(max_records))
        token = Token(self._identity, owned, {record.topic_partition: record.offset + 1 for record in records})
        if records:
            self._next.update(token.offsets)
            self._uncommitted.append(token)
        return Batch(
            records=tuple(records),
            gained=frozenset(source for source, _ in gained),
            lost=frozenset(source for source, _ in lost),
            rebalanced=is_invalid or bool(gained or lost),
            backlog={source: self._backlog(source) for source in owned},
            token=token,
        )

    def _backlog(self, source: TopicPartition) -> int:
        partition = self._broker.partition(source)
        next_offset = self._position(source) or 0
        return sum(1 for _ in partition.committed(next_offset, partition.stable_end()))

    def _fetch(self, owned: list[TopicPartition], max_records: int) -> list[Record]:
        """Return the next records, shared between the partitions; each call starts with another partition."""
        self._turn += 1
        by_turn = owned[self._turn % len(owned) :] + owned[: self._turn % len(owned)] if owned else []
        records: list[Record] = []
        for index, source in enumerate(by_turn):
            share = (max_records - len(records)) // (len(by_turn) - index) or 1
            position = self._position(source)
            if position is None or len(records) == max_records:
                continue
            partition = self._broker.partition(source)
            found = partition.committed(position, partition.stable_end())
            records += [record for record, _ in zip(found, range(share), strict=False)]
        return records

    def _position(self, source: TopicPartition) -> int | None:
        """Return the next offset to read; None while an open transaction contains it."""
        if source not in self._next and self._broker.has_pending_offset(self._group.name, source):
            return None
        return self._next.get(source, self._group.committed.get(source, 0))
