"""The simulated log as a harness of the conformance suite."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.broker import SESSION_TIMEOUT_MS, Broker
from tests.simulation.log import SimulatedLog


@dataclass
class SimulatedHarness:
    """Opens logs on one broker."""

    broker: Broker = field(default_factory=Broker)

    def open(self) -> SimulatedLog:
        """Open the log as another process would."""
        return SimulatedLog(self.broker)

    def end_sessions(self) -> None:
        """Advance the clock until all sessions have ended."""
        self.broker.advance_clock(SESSION_TIMEOUT_MS)

    def now_s(self) -> float:
        """Return the time of the broker's clock, by which calls wait."""
        return self.broker.now_ms / 1000

    def close(self) -> None:
        """Do nothing: no resources are open."""
