"""What may befall a process, and at which moment."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tests.simulation.moments import Moment


class Fault(Enum):
    """What strikes, by the name under which it is counted."""

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


ANYWHERE: Final = (
    Fault.CRASH,
    Fault.STOP,
    Fault.PAUSE,
    Fault.LONG_PAUSE,
    Fault.TWIN,
    Fault.REBALANCE,
    Fault.SESSION_LOST,
    Fault.COMPACTION,
)
IN_TRANSACTION: Final = (*ANYWHERE, Fault.ABORTED)
READING: Final = (*ANYWHERE, Fault.AWAY)
POSSIBLE: Final = {
    Moment.JOIN: READING,
    Moment.POLL: READING,
    Moment.POLLED: ANYWHERE,
    Moment.BEFORE_PRODUCE: IN_TRANSACTION,
    Moment.AFTER_PRODUCE: IN_TRANSACTION,
    Moment.BEFORE_OFFSETS: IN_TRANSACTION,
    Moment.AFTER_OFFSETS: IN_TRANSACTION,
    Moment.BEFORE_COMMIT: (*IN_TRANSACTION, Fault.ANSWER_LOST),
    Moment.AFTER_COMMIT: ANYWHERE,
    Moment.RECOVER: READING,
    Moment.OPEN_READER: READING,
    Moment.READ: READING,
}
CHANCE: Final = {
    Moment.JOIN: 0.05,
    Moment.POLL: 0.02,
    Moment.POLLED: 0.02,
    Moment.BEFORE_PRODUCE: 0.006,
    Moment.AFTER_PRODUCE: 0.006,
    Moment.BEFORE_OFFSETS: 0.05,
    Moment.AFTER_OFFSETS: 0.06,
    Moment.BEFORE_COMMIT: 0.08,
    Moment.AFTER_COMMIT: 0.05,
    Moment.RECOVER: 0.1,
    Moment.OPEN_READER: 0.03,
    Moment.READ: 0.02,
}
"""How likely something strikes at a moment. Some moments come in every call, others once in a transaction."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What a seed's storm is like: how much of each kind. Storms differ, as a mixture of everything is only one of them."""

    weights: dict[Fault, int]
    intensity: float

    @classmethod
    def drawn(cls, choice: random.Random) -> Weather:
        """A storm."""
        # What can happen at few moments is as frequent in all as what can at each.
        weights = {fault: choice.choice((0, 1, 1, 2, 4)) * (3 if fault not in ANYWHERE else 1) for fault in Fault}
        # Some fault that is possible everywhere there must be.
        return cls({**weights, Fault.CRASH: max(1, weights[Fault.CRASH])}, choice.choice((0.7, 1.0, 2.0)))

    def strikes(self, moment: Moment, choice: random.Random) -> Fault | None:
        """What strikes at this moment, if anything does."""
        if choice.random() >= CHANCE[moment] * self.intensity:
            return None
        possible = POSSIBLE[moment]
        return choice.choices(possible, [self.weights[fault] for fault in possible])[0]
