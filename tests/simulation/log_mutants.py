"""Deliberate bugs of a log and its clients: in transactions, in fencing, in reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.records import Batch, Message, Record
from tests.simulation.broker import Broker, Producer, ProducerRefused
from tests.simulation.group import Group, Member
from tests.simulation.log import SimulatedReader
from tests.simulation.partitions import Partition, Transaction, TransactionState
from tests.simulation.patch import patch_attributes
from tests.simulation.worker import SimulatedWorker, Token

_COMMIT: Final = SimulatedWorker.commit


# --- transactions


def _commit_messages_only(worker: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
    token = batch.token
    assert isinstance(token, Token)
    _COMMIT(worker, replace(batch, token=Token(token.identity, token.owned, {})), messages)


def offsets_first() -> AbstractContextManager[None]:
    def commit(self: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
        _COMMIT(self, batch, [])
        _commit_messages_only(self, batch, messages)

    return patch_attributes((SimulatedWorker, "commit", commit))


def offsets_after() -> AbstractContextManager[None]:
    def commit(self: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
        _commit_messages_only(self, batch, messages)
        _COMMIT(self, batch, [])

    return patch_attributes((SimulatedWorker, "commit", commit))


def dead_letters_apart() -> AbstractContextManager[None]:
    def commit(self: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
        letters = [message for message in messages if message.topic.endswith("dead-letters")]
        _commit_messages_only(self, batch, letters)
        _COMMIT(self, batch, [message for message in messages if message not in letters])

    return patch_attributes((SimulatedWorker, "commit", commit))


def failure_is_success() -> AbstractContextManager[None]:
    def commit(self: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
        try:
            _COMMIT(self, batch, messages)
        except CommitFailed:
            return

    return patch_attributes((SimulatedWorker, "commit", commit))


def failed_batch_is_skipped() -> AbstractContextManager[None]:
    recover = SimulatedWorker._recover

    def recovered(self: SimulatedWorker) -> None:
        positions = dict(self._next)
        recover(self)
        self._next = positions

    return patch_attributes((SimulatedWorker, "_recover", recovered))


# --- fencing


def zombies_are_not_fenced() -> AbstractContextManager[None]:
    return patch_attributes((Group, "check", lambda *_: None))


def twins_are_not_fenced() -> AbstractContextManager[None]:
    def member(self: Group, identity: Any) -> Member:
        return self._members[identity.instance]

    def begin(self: Broker, producer: str, owner: object) -> Transaction:
        held = self._producers[producer]
        held.owner, held.transaction = owner, Transaction(producer, self.now_ms)
        return held.transaction

    def check_open(self: Broker, transaction: Transaction, _owner: object) -> Producer:
        if transaction.state is not TransactionState.OPEN:
            raise ProducerRefused(newer=False)
        return self._producers[transaction.producer]

    return patch_attributes((Group, "_member", member), (Broker, "begin", begin), (Broker, "_check_open", check_open))


def pending_offsets_are_ignored() -> AbstractContextManager[None]:
    return patch_attributes((Broker, "has_pending_offset", lambda *_: False))


# --- reading


def aborted_is_read() -> AbstractContextManager[None]:
    def committed(self: Partition, start: int, end: int) -> Iterator[Record]:
        for entry in self.entries:
            if (
                start <= entry.offset < end
                and entry.record is not None
                and entry.transaction.state is not TransactionState.OPEN
            ):
                yield entry.record

    return patch_attributes((Partition, "committed", committed))


def restore_reads_uncommitted() -> AbstractContextManager[None]:
    def fetch(self: SimulatedReader, max_records: int) -> list[Record]:
        records: list[Record] = []
        for source, partition in self._partitions.items():
            entries = [entry for entry in partition.entries if entry.offset >= self._positions[source]]
            found = [entry.record for entry in entries if entry.record is not None][:max_records]
            records += found
            self._positions[source] = found[-1].offset + 1 if len(found) == max_records else partition.end
        return records

    return patch_attributes((SimulatedReader, "_fetch", fetch))


def restore_does_not_wait() -> AbstractContextManager[None]:
    def at_end(self: SimulatedReader) -> bool:
        return all(self._positions[source] >= one.stable_end() for source, one in self._partitions.items())

    return patch_attributes((SimulatedReader, "at_end", at_end))
