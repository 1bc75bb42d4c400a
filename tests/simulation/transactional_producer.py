"""A transactional producer, with a fault point before and after each of its requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from newsloom.streaming.errors import CommitFailed, Fenced
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Message
from tests.simulation.broker import Broker, ProducerRefused
from tests.simulation.fault_points import AnswerLost, FaultPoint, Runtime
from tests.simulation.partitions import Transaction


class TransactionalProducer:
    """Writes transactions under a transactional id, until another process takes the id."""

    def __init__(self, broker: Broker, runtime: Runtime, producer: str) -> None:
        self._broker = broker
        self._runtime = runtime
        self._producer = producer
        self.init_transactions()

    def init_transactions(self) -> None:
        """Take the id: abort its open transaction and fence the process that held it."""
        self._broker.init_producer(self._producer, self)

    def progress(self) -> Progress | None:
        """Return the progress recorded by the last transaction that had one."""
        return self._broker.progress(self._producer)

    def discard_progress(self) -> None:
        """Delete the progress."""
        self._broker.discard_progress(self._producer)

    def run(
        self,
        messages: Sequence[Message],
        *,
        send_offsets: Callable[[Transaction], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Begin a transaction, produce each message, send the offsets, commit.

        Raises:
            ConfigurationError: a message cannot be written; no transaction was begun.
            CommitFailed: it failed or its outcome is unknown; `init_transactions` aborts it if it is open.
            Fenced: another process has taken the id.

        """
        placed = self._broker.choose_partitions(messages)
        with _port_errors():
            transaction = self._broker.begin(self._producer, self)
            for target, message in placed:
                self._runtime.reach(FaultPoint.BEFORE_PRODUCE)
                self._broker.append(transaction, self, target, message)
                self._runtime.reach(FaultPoint.AFTER_PRODUCE)
            if send_offsets is not None:
                self._runtime.reach(FaultPoint.BEFORE_OFFSETS)
                send_offsets(transaction)
                self._runtime.reach(FaultPoint.AFTER_OFFSETS)
            transaction.progress = progress
            self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        try:
            self._runtime.reach(FaultPoint.BEFORE_COMMIT)
        except AnswerLost as error:
            self._broker.commit(transaction, self)
            raise CommitFailed("the response to the commit was lost") from error
        self._broker.commit(transaction, self)
        self._runtime.reach(FaultPoint.AFTER_COMMIT)


@contextmanager
def _port_errors() -> Iterator[None]:
    try:
        yield
    except ProducerRefused as error:
        raise (Fenced if error.newer else CommitFailed)(str(error)) from error
