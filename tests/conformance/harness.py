"""The interface of a log under test."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from newsloom.streaming.log import Log


class LogHarness(Protocol):
    """A log under test, empty or shared with other tests (each test has topics and groups of its own)."""

    def open(self) -> Log:
        """Open the log as another process would. The harness closes it."""
        ...

    def end_sessions(self) -> None:
        """Expire the sessions of members that do not poll from now on.

        On a log with a real clock this returns at once, and the sessions expire while the test polls other members.
        """
        ...

    def now_s(self) -> float:
        """Return the time in seconds on the clock that the timeouts of polls use."""
        ...


@dataclass
class ManualClock:
    """A clock in Unix milliseconds that only `advance` moves."""

    now_ms: int = 1_750_000_000_000

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        self.now_ms += ms


SESSION_TIMEOUT_MS = 10_000


@dataclass
class SqliteHarness:
    """The SQLite log on a manual clock."""

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
