"""A process of the simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tests.simulation.coroutine import Coroutine
from tests.simulation.fault_points import FaultPoint
from tests.simulation.services import PausingEvent, Service


class Scheduler(Protocol):
    """Runs the processes and decides what happens at each fault point."""

    def now_ms(self) -> int:
        """Return the simulated time."""
        ...

    def reach(self, process: Process, point: FaultPoint) -> None:
        """Handle that the process has reached a fault point."""
        ...

    def fetch_size(self, records: int) -> int:
        """Return how many records a poll may return, of the number asked for."""
        ...

    def run_body(self, process: Process) -> None:
        """Run the process's own program."""
        ...


@dataclass(eq=False)
class Process:
    """A process, and the `Runtime` of its clients."""

    scheduler: Scheduler
    name: str
    service: Service | None
    waits_until_ms: int = 0
    asleep_until_ms: int = 0

    def __post_init__(self) -> None:
        self.coroutine = Coroutine(lambda: self.scheduler.run_body(self))
        self.stopping = PausingEvent(self.coroutine.pause)

    def reach(self, point: FaultPoint) -> None:
        """See `Runtime.reach`."""
        self.scheduler.reach(self, point)

    def wait(self, ms: int) -> None:
        """See `Runtime.wait`."""
        self.waits_until_ms = self.scheduler.now_ms() + ms
        self.coroutine.pause()

    def fetch_size(self, records: int) -> int:
        """See `Runtime.fetch_size`."""
        return self.scheduler.fetch_size(records)

    def sleep(self, ms: int) -> None:
        """See `Target.sleep`."""
        self.asleep_until_ms = self.scheduler.now_ms() + ms
        self.coroutine.pause()

    def stop(self) -> None:
        """See `Target.stop`."""
        self.stopping.set()
