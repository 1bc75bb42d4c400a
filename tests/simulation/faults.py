"""Which faults can be injected at which point, and how often."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tests.simulation.fault_points import FaultPoint


class Fault(Enum):
    """A fault, by the name under which it is counted."""

    CRASH = "crash"
    STOP = "stopped"
    AWAY = "log away"
    ABORTED = "transaction refused"
    ANSWER_LOST = "committed, answer lost"
    PAUSE = "paused beyond its session"
    LONG_PAUSE = "paused beyond its transaction"
    TWIN = "a twin takes its name"
    REBALANCE = "rebalance"
    SESSION_LOST = "a member drops out"
    COMPACTION = "compaction"
    CLOCK_STEP = "the producer's clock steps"


ANYWHERE: Final = (
    Fault.CRASH,
    Fault.STOP,
    Fault.PAUSE,
    Fault.LONG_PAUSE,
    Fault.TWIN,
    Fault.REBALANCE,
    Fault.SESSION_LOST,
    Fault.COMPACTION,
    Fault.CLOCK_STEP,
)
IN_TRANSACTION: Final = (*ANYWHERE, Fault.ABORTED)
READING: Final = (*ANYWHERE, Fault.AWAY)
POSSIBLE: Final = {
    FaultPoint.JOIN: READING,
    FaultPoint.POLL: READING,
    FaultPoint.POLLED: ANYWHERE,
    FaultPoint.BEFORE_PRODUCE: IN_TRANSACTION,
    FaultPoint.AFTER_PRODUCE: IN_TRANSACTION,
    FaultPoint.BEFORE_OFFSETS: IN_TRANSACTION,
    FaultPoint.AFTER_OFFSETS: IN_TRANSACTION,
    FaultPoint.BEFORE_COMMIT: (*IN_TRANSACTION, Fault.ANSWER_LOST),
    FaultPoint.AFTER_COMMIT: ANYWHERE,
    FaultPoint.RECOVER: READING,
    FaultPoint.OPEN_READER: READING,
    FaultPoint.READ: READING,
    FaultPoint.WRITE_ROW: ANYWHERE,
}
PROBABILITY: Final = {
    FaultPoint.JOIN: 0.05,
    FaultPoint.POLL: 0.02,
    FaultPoint.POLLED: 0.02,
    FaultPoint.BEFORE_PRODUCE: 0.006,
    FaultPoint.AFTER_PRODUCE: 0.006,
    FaultPoint.BEFORE_OFFSETS: 0.05,
    FaultPoint.AFTER_OFFSETS: 0.06,
    FaultPoint.BEFORE_COMMIT: 0.08,
    FaultPoint.AFTER_COMMIT: 0.05,
    FaultPoint.RECOVER: 0.1,
    FaultPoint.OPEN_READER: 0.03,
    FaultPoint.READ: 0.02,
    FaultPoint.WRITE_ROW: 0.001,
}
"""The probability of a fault at a point. Some points are reached in every call, others once in a transaction."""


@dataclass(frozen=True, slots=True)
class FaultMix:
    """How frequent each fault is in one seed. The mix differs between seeds: an even mix would hide some combinations."""

    weights: dict[Fault, int]
    intensity: float

    @classmethod
    def draw(cls, rng: random.Random) -> FaultMix:
        """Draw a mix at random."""
        # Three times the weight for faults that are possible at few points, so that they are as frequent in total.
        weights = {fault: rng.choice((0, 1, 1, 2, 4)) * (3 if fault not in ANYWHERE else 1) for fault in Fault}
        # At least one fault that is possible everywhere must have a weight.
        return cls({**weights, Fault.CRASH: max(1, weights[Fault.CRASH])}, rng.choice((0.7, 1.0, 2.0)))

    def draw_fault(self, point: FaultPoint, rng: random.Random) -> Fault | None:
        """Return the fault to inject at this point, or None."""
        if rng.random() >= PROBABILITY[point] * self.intensity:
            return None
        possible = POSSIBLE[point]
        return rng.choices(possible, [self.weights[fault] for fault in possible])[0]
