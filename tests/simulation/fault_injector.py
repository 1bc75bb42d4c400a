"""Inject faults into the processes of a simulation."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from newsloom.contracts.topics import ARTICLE_STORIES, STORIES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.errors import CommitFailed, LogUnavailable
from tests.simulation.broker import Broker
from tests.simulation.compaction import compact
from tests.simulation.coroutine import Killed
from tests.simulation.fault_points import AnswerLost, FaultPoint
from tests.simulation.faults import Fault, FaultMix
from tests.simulation.services import Service

SESSION_MS: Final = 1_500
TRANSACTION_MS: Final = 4_000
"""Short: a pause must outlast them within few steps of the other processes."""


class Target(Protocol):
    """A process that faults are injected into. One without a service is the producer."""

    name: str
    service: Service | None

    def sleep(self, ms: int) -> None:
        """Pause for that long."""
        ...

    def stop(self) -> None:
        """Receive a stop signal, as by SIGTERM."""
        ...


@dataclass
class FaultInjector:
    """Draws faults at random and injects them. `start_twin` starts a second process under the target's name.

    `step_clock` moves the clock of the producer.
    """

    broker: Broker
    settings: Settings
    services: dict[str, Service]
    rng: random.Random
    start_twin: Callable[[Target], None]
    step_clock: Callable[[], None]
    is_active: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    """Number of injected faults, by fault and point."""

    def __post_init__(self) -> None:
        self._mix = FaultMix.draw(self.rng)

    def draw(self, target: Target, point: FaultPoint) -> Fault | None:
        """Return the fault to inject into the target at this point, or None."""
        fault = self._mix.draw_fault(point, self.rng) if self.is_active else None
        if fault is not None and (fault not in {Fault.TWIN, Fault.STOP} or target.service is not None):
            self.counts[f"{fault.value}: {point.value}"] += 1
            return fault
        return None

    def inject(self, target: Target, fault: Fault) -> None:
        """Inject the fault. Some faults are raised as an error, and `Killed` ends the process."""
        match fault:
            case Fault.PAUSE:
                target.sleep(int(SESSION_MS * self.rng.uniform(0.8, 1.5)))
            case Fault.LONG_PAUSE:
                target.sleep(int(TRANSACTION_MS * self.rng.uniform(0.8, 1.5)))
            case Fault.STOP:
                target.stop()
            case Fault.TWIN:
                self.start_twin(target)
            case Fault.REBALANCE | Fault.SESSION_LOST:
                self._rebalance(target, fault)
            case Fault.COMPACTION:
                self._compact()
            case Fault.CLOCK_STEP:
                self.step_clock()
            case _:
                error = _ERRORS[fault]
                raise error()

    def _rebalance(self, target: Target, fault: Fault) -> None:
        service = target.service or self.rng.choice(list(self.services.values()))
        group = self.broker.group(service.group)
        if fault is Fault.REBALANCE:
            group.rebalance(lambda _: self.rng.random() < 0.5)
        else:
            group.leave(self.rng.choice(group.active() or [target.name]))

    def _compact(self) -> None:
        state = {topic_name(self.settings, topic) for topic in (STORIES, ARTICLE_STORIES)}
        for source, partition in self.broker.partitions.items():
            if source.topic in state and self.rng.random() < 0.7:
                compact(partition)


_ERRORS: Final[dict[Fault, Callable[[], BaseException]]] = {
    Fault.CRASH: Killed,
    Fault.AWAY: lambda: LogUnavailable("the log is away"),
    Fault.ABORTED: lambda: CommitFailed("the broker has refused it"),
    Fault.ANSWER_LOST: AnswerLost,
}
