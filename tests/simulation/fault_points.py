"""The points between a client's requests at which a fault may be injected, or another process scheduled."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from tests.simulation.broker import Broker


class FaultPoint(Enum):
    """What a process is about to do or has just done. Those of a transaction are in their order."""

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
    WRITE_ROW = "write row"


class AnswerLost(Exception):
    """The request is carried out, but its response is lost."""


class Runtime(Protocol):
    """What a simulated client runs in."""

    def reach(self, point: FaultPoint) -> None:
        """Reach a fault point.

        Raises:
            LogUnavailable, CommitFailed: the injected fault.
            AnswerLost: only before a commit, which is then carried out although the client gets an error.

        """
        ...

    def wait(self, ms: int) -> None:
        """Wait for that long."""
        ...

    def fetch_size(self, records: int) -> int:
        """Return how many records a poll may return, of the number asked for."""
        ...


class FaultFree:
    """Injects no fault; only time passes."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def reach(self, point: FaultPoint) -> None:
        """Do nothing."""

    def wait(self, ms: int) -> None:
        """Advance the broker's clock."""
        self._broker.advance_clock(ms)

    def fetch_size(self, records: int) -> int:
        """Return the number unchanged."""
        return records
