"""A process of the simulation, from its start to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tests.simulation.coroutine import Coroutine
from tests.simulation.moments import Moment
from tests.simulation.services import Service, Unhurried


class World(Protocol):
    """Where processes live."""

    def now_ms(self) -> int:
        """The time."""
        ...

    def at(self, process: Process, moment: Moment) -> None:
        """The process has come to this moment."""
        ...

    def at_most(self, records: int) -> int:
        """How many records a call brings, of those that it was asked for."""
        ...

    def run_body(self, process: Process) -> None:
        """The process's own program."""
        ...


@dataclass(eq=False)
class Process:
    """A process as the simulation runs it; also the hands that its clients are in."""

    world: World
    name: str
    service: Service | None
    waits_until_ms: int = 0
    asleep_until_ms: int = 0

    def __post_init__(self) -> None:
        self.coroutine = Coroutine(lambda: self.world.run_body(self))
        self.stopping = Unhurried(self.coroutine.pause)

    def at(self, moment: Moment) -> None:
        """See `Hands.at`."""
        self.world.at(self, moment)

    def wait(self, ms: int) -> None:
        """See `Hands.wait`."""
        self.waits_until_ms = self.world.now_ms() + ms
        self.coroutine.pause()

    def at_most(self, records: int) -> int:
        """See `Hands.at_most`."""
        return self.world.at_most(records)

    def sleep(self, ms: int) -> None:
        """See `Victim.sleep`."""
        self.asleep_until_ms = self.world.now_ms() + ms
        self.coroutine.pause()

    def stop(self) -> None:
        """See `Victim.stop`."""
        self.stopping.set()
