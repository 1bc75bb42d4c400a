"""Faults that a proxy can inject between a client and a broker."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Api(enum.IntEnum):
    """Kafka's API keys."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28
    DESCRIBE_CLUSTER = 60


class Direction(enum.Enum):
    """The kind of message that a fault affects."""

    REQUEST = "request"
    RESPONSE = "response"


class Fault(enum.Enum):
    """What happens to the message."""

    CUT = "it is lost and its connection ends"
    STALL = "it waits until the faults are cleared, and so does everything after it on its connection"
    DISCONNECT = "it is delivered; then all connections end, and new ones too, until the faults are cleared"


@dataclass
class FaultRule:
    """A fault that skips the first `skip` messages of a kind and affects the next `times`."""

    fault: Fault
    skip: int
    times: int

    def matches_next(self) -> bool:
        """Return whether the fault affects the next message of the kind."""
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0
