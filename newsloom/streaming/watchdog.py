"""End a process that makes no progress, so that its supervisor starts a new one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final

from newsloom.streaming.termination import report_failure

TICK_S: Final = 1.0
TICKS_MAX: Final = 180
"""More than the longest call to a log (about a minute) and the longest batch take."""
START_TICKS_MAX: Final = 600
"""More than a start takes that downloads its model."""
EXIT_STATUS: Final = 70


class Watchdog:
    """Counts ticks since the last beat. Ticks, not time: a process that was frozen does not hang.

    The process is unhealthy from two thirds of `ticks_max` on. So a probe shows a hang before the process ends itself.
    """

    def __init__(
        self, service: str = "newsloom", *, ticks_max: int = TICKS_MAX, on_hang: Callable[[], None] | None = None
    ) -> None:
        self._service = service
        self._ticks_max = ticks_max
        self._on_hang = on_hang or self._end_process
        self._idle_ticks = 0
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start to count ticks, in a thread of its own."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def beat(self) -> None:
        """Reset the count: the process has made progress."""
        self._idle_ticks = 0

    def set_limit(self, ticks_max: int) -> None:
        """Reset the count and allow this many ticks without a beat from now on."""
        self._ticks_max = ticks_max
        self._idle_ticks = 0

    @property
    def idle_s(self) -> float:
        """The seconds since the last beat, as counted by ticks."""
        return self._idle_ticks * TICK_S

    @property
    def is_healthy(self) -> bool:
        """Whether there was a beat within two thirds of the ticks after which the process is ended."""
        return self._idle_ticks < healthy_ticks(self._ticks_max)

    def tick(self) -> None:
        """Count a tick; call `on_hang` if there were too many since the last beat."""
        self._idle_ticks += 1
        if self._idle_ticks >= self._ticks_max:
            self._on_hang()

    def stop(self) -> None:
        """Stop counting."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(TICK_S):
            self.tick()

    def _end_process(self) -> None:
        reason = f"no progress for {self.idle_s:.0f} s; ending this process (a supervisor starts it again)"
        report_failure(reason, service=self._service, status=EXIT_STATUS)
        # Not sys.exit: it would not end the thread that hangs.
        os._exit(EXIT_STATUS)


def healthy_ticks(ticks_max: int) -> int:
    """Return the number of ticks without a beat from which on a process is unhealthy."""
    return ticks_max * 2 // 3
