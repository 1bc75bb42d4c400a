"""A process that makes no progress ends itself, so that its supervisor can start a sound one."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Final

TICK_S: Final = 1.0
TICKS_MAX: Final = 180
"""Above the longest call a log may make (about a minute) and the longest batch a service may work on."""
EXIT_STATUS: Final = 70


def _end_process() -> None:
    print(
        f"newsloom: no progress for {TICKS_MAX} s; ending this process (a supervisor starts it again)", file=sys.stderr
    )
    # Not sys.exit: the thread that hangs would never see it.
    os._exit(EXIT_STATUS)


class Watchdog:
    """Counts its own ticks without a beat. Not the clock: a process that was frozen is not one that hangs."""

    def __init__(self, *, ticks_max: int = TICKS_MAX, on_hang: Callable[[], None] = _end_process) -> None:
        self._ticks_max = ticks_max
        self._on_hang = on_hang
        self._idle_ticks = 0
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to count, in a thread of its own."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def beat(self) -> None:
        """Progress was made."""
        self._idle_ticks = 0

    @property
    def is_content(self) -> bool:
        """Whether there was a beat within the last `ticks_max` ticks."""
        return self._idle_ticks < self._ticks_max

    def tick(self) -> None:
        """One more tick has passed."""
        self._idle_ticks += 1
        if self._idle_ticks >= self._ticks_max:
            self._on_hang()

    def stop(self) -> None:
        """Count no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(TICK_S):
            self.tick()
