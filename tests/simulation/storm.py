"""Faults as they strike."""

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
from tests.simulation.faults import Fault, Weather
from tests.simulation.moments import AnswerLost, Moment
from tests.simulation.services import Service

SESSION_MS: Final = 1_500
TRANSACTION_MS: Final = 4_000
"""Short: a pause has to outlast them while others go on, step by step."""


class Victim(Protocol):
    """Whom a fault may strike. A process without a service is the producer."""

    name: str
    service: Service | None

    def sleep(self, ms: int) -> None:
        """Do nothing for that long."""
        ...

    def stop(self) -> None:
        """Be told to end, as by SIGTERM."""
        ...


@dataclass
class Storm:
    """What strikes whom, by the dice. `start_twin` starts another process of the victim's name."""

    broker: Broker
    settings: Settings
    services: dict[str, Service]
    choice: random.Random
    start_twin: Callable[[Victim], None]
    rages: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    """How often, by fault and moment."""

    def __post_init__(self) -> None:
        self._weather = Weather.drawn(self.choice)

    def at(self, victim: Victim, moment: Moment) -> Fault | None:
        """What strikes at this moment, if anything does."""
        fault = self._weather.strikes(moment, self.choice) if self.rages else None
        if fault is not None and (fault not in {Fault.TWIN, Fault.STOP} or victim.service is not None):
            self.counts[f"{fault.value}: {moment.value}"] += 1
            return fault
        return None

    def strike(self, victim: Victim, fault: Fault) -> None:
        """Let it strike; some faults are felt as an error, and one ends the process."""
        match fault:
            case Fault.PAUSE:
                victim.sleep(int(SESSION_MS * self.choice.uniform(0.8, 1.5)))
            case Fault.LONG_PAUSE:
                victim.sleep(int(TRANSACTION_MS * self.choice.uniform(0.8, 1.5)))
            case Fault.STOP:
                victim.stop()
            case Fault.TWIN:
                self.start_twin(victim)
            case Fault.REBALANCE | Fault.SESSION_LOST:
                self._rebalance(victim, fault)
            case Fault.COMPACTION:
                self._compact()
            case _:
                error = _ERRORS[fault]
                raise error()

    def _rebalance(self, victim: Victim, fault: Fault) -> None:
        service = victim.service or self.choice.choice(list(self.services.values()))
        group = self.broker.group(service.group)
        if fault is Fault.REBALANCE:
            group.rebalance(lambda _: self.choice.random() < 0.5)
        else:
            group.leave(self.choice.choice(group.active() or [victim.name]))

    def _compact(self) -> None:
        state = {topic_name(self.settings, topic) for topic in (STORIES, ARTICLE_STORIES)}
        for source, partition in self.broker.partitions.items():
            if source.topic in state and self.choice.random() < 0.7:
                compact(partition)


_ERRORS: Final[dict[Fault, Callable[[], BaseException]]] = {
    Fault.CRASH: Killed,
    Fault.AWAY: lambda: LogUnavailable("the log is away"),
    Fault.ABORTED: lambda: CommitFailed("the broker has refused it"),
    Fault.ANSWER_LOST: AnswerLost,
}
