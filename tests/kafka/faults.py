"""What can happen to a message between a client and a broker."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Api(enum.IntEnum):
    """Requests by their numbers."""

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
    """Which half of an exchange a fault strikes."""

    REQUEST = "request"
    ANSWER = "answer"


class Fault(enum.Enum):
    """What happens to a message."""

    CUT = "it is lost, and its connection ends"
    STALL = "it waits, with all that comes behind it on its connection, until the faults are lifted"
    AWAY = "it gets through; then all connections end, and new ones as soon as they are made, until the broker is back"


@dataclass
class FaultRule:
    """A fault that happens to some messages of a kind: after `skip` of them, to the next `times`."""

    fault: Fault
    skip: int
    times: int

    def hits(self) -> bool:
        """Whether the next message of the kind is struck."""
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0
