"""The simulated log as the conformance suite needs a log."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.broker import SESSION_TIMEOUT_MS, Broker
from tests.simulation.log import SimulatedLog


@dataclass
class SimulatedHarness:
    """Logs on one broker."""

    broker: Broker = field(default_factory=Broker)

    def open(self) -> SimulatedLog:
        """The log as another process would open it."""
        return SimulatedLog(self.broker)

    def end_sessions(self) -> None:
        """Let the time pass that ends them."""
        self.broker.pass_time(SESSION_TIMEOUT_MS)

    def now_s(self) -> float:
        """On the broker's clock, which calls wait by."""
        return self.broker.now_ms / 1000

    def close(self) -> None:
        """Nothing stays open."""
