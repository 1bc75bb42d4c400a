"""The instants between a client's calls at which a fault may strike, or another process go on."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from tests.simulation.broker import Broker


class Moment(Enum):
    """Where a process stands. Those of a transaction are in their order."""

    JOIN = "join"
    POLL = "poll"
    POLLED = "polled"
    BEFORE_PRODUCE = "before produce"
    AFTER_PRODUCE = "after produce"
    BEFORE_OFFSETS = "before offsets"
    AFTER_OFFSETS = "after offsets"
    BEFORE_COMMIT = "before commit"
    AFTER_COMMIT = "after commit"
    RECOVER = "recover"
    OPEN_READER = "open reader"
    READ = "restore record"


class AnswerLost(Exception):
    """The request arrives, and its answer does not."""


class Hands(Protocol):
    """In whose hands a client is."""

    def at(self, moment: Moment) -> None:
        """Come to this moment.

        Raises:
            LogUnavailable, CommitFailed: the fault that the client meets.
            AnswerLost: only before a commit, which then goes through without the client's learning of it.

        """
        ...

    def wait(self, ms: int) -> None:
        """Wait for that long, unless something happens."""
        ...

    def at_most(self, records: int) -> int:
        """How many of the records that were asked for a call brings at most."""
        ...


class Peace:
    """Nothing ever happens but time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def at(self, moment: Moment) -> None:
        """Nothing."""

    def wait(self, ms: int) -> None:
        """Let the time pass."""
        self._broker.pass_time(ms)

    def at_most(self, records: int) -> int:
        """All of them."""
        return records
