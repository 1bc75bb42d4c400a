"""Deliberate bugs, each of which the simulation has to find: in the loop, the steps, a restore, the client, the broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.log import Log
from newsloom.streaming.loop import Loop
from newsloom.streaming.records import Batch, Message, Record, TopicPartition
from newsloom.streaming.restore import RestoreWatch, read_to_end
from newsloom.streaming.step import Outcome
from services.clusterer import state as clusterer_state
from services.clusterer import step as clusterer_step
from services.clusterer.core.edition import Edition
from services.clusterer.core.engine import Engine
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.restoring import restored_edition
from services.clusterer.step import ClustererStep
from services.embedder.step import EmbedderStep
from tests.simulation.broker import Broker, NotTheProducer, Partition, Producer, State, Transaction
from tests.simulation.group import Group, Member
from tests.simulation.log import SimulatedReader
from tests.simulation.worker import SimulatedWorker, Token

Mutant = Callable[[], AbstractContextManager[None]]
_COMMIT: Final = SimulatedWorker.commit


@contextmanager
def _replaced(*changes: tuple[object, str, object]) -> Iterator[None]:
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


# --- the transaction


def _messages_alone(worker: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
    token = batch.token
    assert isinstance(token, Token)
    _COMMIT(worker, replace(batch, token=Token(token.identity, {})), messages)


def _offsets_first() -> AbstractContextManager[None]:
    def commit(self: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
        _COMMIT(self, batch, [])
        _messages_alone(self, batch, messages)

    return _replaced((SimulatedWorker, "commit", commit))


def _offsets_after() -> AbstractContextManager[None]:
    def commit(self: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
        _messages_alone(self, batch, messages)
        _COMMIT(self, batch, [])

    return _replaced((SimulatedWorker, "commit", commit))


def _letters_apart() -> AbstractContextManager[None]:
    def commit(self: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
        letters = [message for message in messages if message.topic.endswith("dead-letters")]
        _messages_alone(self, batch, letters)
        _COMMIT(self, batch, [message for message in messages if message not in letters])

    return _replaced((SimulatedWorker, "commit", commit))


def _failure_is_success() -> AbstractContextManager[None]:
    def commit(self: SimulatedWorker, batch: Batch, messages: Sequence[Message]) -> None:
        try:
            _COMMIT(self, batch, messages)
        except CommitFailed:
            return

    return _replaced((SimulatedWorker, "commit", commit))


def _passes_over_what_failed() -> AbstractContextManager[None]:
    recover = SimulatedWorker._recover

    def recovered(self: SimulatedWorker) -> None:
        positions = dict(self._next)
        recover(self)
        self._next = positions

    return _replaced((SimulatedWorker, "_recover", recovered))


# --- who may commit


def _zombies_pass() -> AbstractContextManager[None]:
    return _replaced((Group, "check", lambda *_: None))


def _twins_pass() -> AbstractContextManager[None]:
    def member(self: Group, identity: Any) -> Member:
        return self._members[identity.instance]

    def begin(self: Broker, producer: str, owner: object) -> Transaction:
        held = self._producers[producer]
        held.owner, held.transaction = owner, Transaction(producer, self.now_ms)
        return held.transaction

    def check_open(self: Broker, transaction: Transaction, _owner: object) -> Producer:
        if transaction.state is not State.OPEN:
            raise NotTheProducer(newer=False)
        return self._producers[transaction.producer]

    return _replaced((Group, "_member", member), (Broker, "begin", begin), (Broker, "_check_open", check_open))


def _unsettled_offsets() -> AbstractContextManager[None]:
    return _replaced((Broker, "is_unsettled", lambda *_: False))


# --- what is read


def _aborted_is_read() -> AbstractContextManager[None]:
    def committed(self: Partition, start: int, end: int) -> Iterator[Record]:
        for entry in self.entries:
            if start <= entry.offset < end and entry.record is not None and entry.transaction.state is not State.OPEN:
                yield entry.record

    return _replaced((Partition, "committed", committed))


def _restore_reads_uncommitted() -> AbstractContextManager[None]:
    def fetch(self: SimulatedReader, max_records: int) -> list[Record]:
        records: list[Record] = []
        for source, partition in self._partitions.items():
            entries = [entry for entry in partition.entries if entry.offset >= self._positions[source]]
            found = [entry.record for entry in entries if entry.record is not None][:max_records]
            records += found
            self._positions[source] = found[-1].offset + 1 if len(found) == max_records else partition.end
        return records

    return _replaced((SimulatedReader, "_fetch", fetch))


def _restore_does_not_wait() -> AbstractContextManager[None]:
    def at_end(self: SimulatedReader) -> bool:
        return all(self._positions[source] >= one.stable_end() for source, one in self._partitions.items())

    return _replaced((SimulatedReader, "at_end", at_end))


def _reading(read: Callable[[Iterator[Record]], Iterator[Record]]) -> AbstractContextManager[None]:
    def reader(log: Log, source: TopicPartition, watch: RestoreWatch | None = None) -> Iterator[Record]:
        return read(read_to_end(log, source, watch))

    return _replaced((clusterer_step, "read_to_end", reader))


def _restore_one_short() -> AbstractContextManager[None]:
    return _reading(lambda records: (record for record, _ in pairwise(records)))


def _restore_cut_short() -> AbstractContextManager[None]:
    def until_it_is_away(records: Iterator[Record]) -> Iterator[Record]:
        try:
            yield from records
        except LogUnavailable:
            return

    return _reading(until_it_is_away)


# --- what is restored


def _restored_otherwise(change: Callable[[Edition], None]) -> AbstractContextManager[None]:
    def restored(*args: Any, **kwargs: Any) -> Edition:
        edition = restored_edition(*args, **kwargs)
        change(edition)
        return edition

    return _replaced((clusterer_state, "restored_edition", restored))


def _versions_not_restored() -> AbstractContextManager[None]:
    def begin_anew(edition: Edition) -> None:
        for story in edition.stories.values():
            story.version = 0

    return _restored_otherwise(begin_anew)


def _frequencies_not_restored() -> AbstractContextManager[None]:
    def begin_anew(edition: Edition) -> None:
        edition.frequencies = DocumentFrequencies(idf_floor=edition.parameters.idf_floor)

    return _restored_otherwise(begin_anew)


def _half_a_state_is_believed() -> AbstractContextManager[None]:
    def restore(self: Loop) -> bool:
        for source in sorted(self._unrestored):
            self._step.restore(source.partition)
            self._unrestored.discard(source)
            self._restored.add(source)
        return True

    return _replaced((Loop, "_restore", restore))


# --- the loop's state


def _state_survives_a_failure() -> AbstractContextManager[None]:
    return _replaced((Loop, "_doubt", lambda _: None))


def _state_survives_a_loss() -> AbstractContextManager[None]:
    take = Loop._take

    def taken(self: Loop) -> Batch:
        batch = take(self)
        self._unrestored -= batch.gained & self._restored
        return batch

    return _replaced((Loop, "_take", taken), (Loop, "_forget", lambda *_: None))


# --- the steps


def _written_otherwise(
    step: type, change: Callable[[Sequence[Message]], Sequence[Message]]
) -> AbstractContextManager[None]:
    process = vars(step)["process"]

    def changed(self: Any, records: Sequence[Record]) -> Outcome:
        outcome: Outcome = process(self, records)
        return Outcome(change(outcome.messages), outcome.rejected)

    return _replaced((step, "process", changed))


def _embedder_reverses() -> AbstractContextManager[None]:
    return _written_otherwise(EmbedderStep, lambda messages: messages[::-1])


def _clusterer_reverses() -> AbstractContextManager[None]:
    process = ClustererStep.process

    def reversed_process(self: ClustererStep, records: Sequence[Record]) -> Outcome:
        return process(self, records[::-1])

    return _replaced((ClustererStep, "process", reversed_process))


def _no_end_of_membership() -> AbstractContextManager[None]:
    def without(messages: Sequence[Message]) -> Sequence[Message]:
        return [one for one in messages if one.value is not None or not one.topic.endswith("article-stories")]

    return _written_otherwise(ClustererStep, without)


def _one_snapshot_less() -> AbstractContextManager[None]:
    snapshots = ClustererStep._snapshots
    return _replaced((ClustererStep, "_snapshots", lambda *given: snapshots(*given)[1:]))


def _repeats_count() -> AbstractContextManager[None]:
    return _replaced((Engine, "_is_repeat", lambda *_: False))


MUTANTS: Final[dict[str, Mutant]] = {
    "offsets committed before the messages": _offsets_first,
    "offsets outside the transaction": _offsets_after,
    "dead letters outside the transaction": _letters_apart,
    "a failed commit taken for a success": _failure_is_success,
    "after a failed commit the next batch, not the same": _passes_over_what_failed,
    "a zombie is not fenced": _zombies_pass,
    "a twin is not fenced": _twins_pass,
    "reads on from an offset that is not settled": _unsettled_offsets,
    "records of aborted transactions are read": _aborted_is_read,
    "a restore reads uncommitted records": _restore_reads_uncommitted,
    "a restore does not wait for open transactions": _restore_does_not_wait,
    "a restore stops one record early": _restore_one_short,
    "a restore that was cut short counts as whole": _restore_cut_short,
    "versions are not restored": _versions_not_restored,
    "document frequencies are not restored": _frequencies_not_restored,
    "half a state, still being written, ends the service": _half_a_state_is_believed,
    "state is kept after a failed commit": _state_survives_a_failure,
    "state of a lost partition is kept": _state_survives_a_loss,
    "the embedder writes a batch in reverse": _embedder_reverses,
    "the clusterer takes a batch in reverse": _clusterer_reverses,
    "the end of a membership is not written": _no_end_of_membership,
    "a story's snapshot is left out": _one_snapshot_less,
    "a repeat counts again": _repeats_count,
}
"""Each by its name: what makes the bug while it is entered."""
