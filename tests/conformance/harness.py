"""What the suite needs of a log under test."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from newsloom.streaming.log import Log


class LogHarness(Protocol):
    """One log under test, empty or shared with other tests (topics and groups have names of their own)."""

    def open(self) -> Log:
        """The log as another process would open it. The harness closes it."""
        ...

    def end_sessions(self) -> None:
        """Let members that do not poll from now on drop out of their groups.

        Where time cannot be moved this returns at once, and the members drop out while the test polls the others.
        """
        ...

    def now_s(self) -> float:
        """Seconds on the clock by which a poll waits."""
        ...


@dataclass
class ManualClock:
    """Unix milliseconds that pass only when told to."""

    now_ms: int = 1_750_000_000_000

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        self.now_ms += ms


SESSION_TIMEOUT_MS = 10_000


@dataclass
class SqliteHarness:
    """The SQLite log on a clock that stands still."""

    opener: Callable[[ManualClock], Log]
    clock: ManualClock = field(default_factory=ManualClock)
    opened: list[Log] = field(default_factory=list)

    def open(self) -> Log:
        log = self.opener(self.clock)
        self.opened.append(log)
        return log

    def end_sessions(self) -> None:
        self.clock.advance(SESSION_TIMEOUT_MS)

    def now_s(self) -> float:
        return time.monotonic()

    def close(self) -> None:
        for log in self.opened:
            log.close()
