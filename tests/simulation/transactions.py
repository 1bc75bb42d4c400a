"""One transaction after another under one transactional id, with a moment before and after each of its requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from newsloom.streaming.errors import CommitFailed, Fenced
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Message
from tests.simulation.broker import Broker, NotTheProducer
from tests.simulation.moments import AnswerLost, Hands, Moment
from tests.simulation.partitions import Transaction


class Transactions:
    """Holds a transactional id, as long as no other process takes it."""

    def __init__(self, broker: Broker, hands: Hands, producer: str) -> None:
        self._broker = broker
        self._hands = hands
        self._producer = producer
        self.settle()

    def settle(self) -> None:
        """Take the id: what was left open under it ends, and who still uses it is fenced."""
        self._broker.take(self._producer, self)

    def progress(self) -> Progress | None:
        """What the last transaction with a progress has recorded."""
        return self._broker.progress(self._producer)

    def run(
        self,
        messages: Sequence[Message],
        *,
        send_offsets: Callable[[Transaction], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Begin, produce each message, send the offsets, commit.

        Raises:
            ConfigurationError: a message that cannot be written; nothing was begun.
            CommitFailed: it did not go through, or so it seems; what is open ends with `settle`.
            Fenced: another process has taken the id.

        """
        placed = self._broker.place(messages)
        with _translated():
            transaction = self._broker.begin(self._producer, self)
            for target, message in placed:
                self._hands.at(Moment.BEFORE_PRODUCE)
                self._broker.append(transaction, self, target, message)
                self._hands.at(Moment.AFTER_PRODUCE)
            if send_offsets is not None:
                self._hands.at(Moment.BEFORE_OFFSETS)
                send_offsets(transaction)
                self._hands.at(Moment.AFTER_OFFSETS)
            transaction.progress = progress
            self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        try:
            self._hands.at(Moment.BEFORE_COMMIT)
        except AnswerLost as error:
            self._broker.commit(transaction, self)
            raise CommitFailed("the commit's answer never came") from error
        self._broker.commit(transaction, self)
        self._hands.at(Moment.AFTER_COMMIT)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NotTheProducer as error:
        raise (Fenced if error.newer else CommitFailed)(str(error)) from error
