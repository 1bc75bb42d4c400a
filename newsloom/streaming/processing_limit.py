"""Interrupt the processing of records that takes too much CPU time."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

CPU_S_MAX: Final = 60.0
"""A third of the time after which the watchdog ends the process. A batch usually takes less than a second."""

T = TypeVar("T")


class ProcessingOverdue(Exception):
    """A call was interrupted because it used too much CPU time. The state that it was changing is unusable."""


class ProcessingLimit:
    """Limits the CPU time of a call, by a signal to this process. Calls in other threads than the main one are not limited.

    CPU time, because a process that was suspended, or whose machine is busy, has not processed for long.
    """

    def __init__(self, cpu_s_max: float = CPU_S_MAX) -> None:
        self.cpu_s_max = cpu_s_max
        self._is_running = False

    def install(self) -> None:
        """Handle the timer's signal. Call it once, in the main thread; without it, nothing is limited."""
        signal.signal(signal.SIGPROF, self._interrupt)
        signal.siginterrupt(signal.SIGPROF, False)

    def run(self, call: Callable[[], T]) -> T:
        """Return the result of the call; raise `ProcessingOverdue` if it uses more CPU time than allowed."""
        if signal.getsignal(signal.SIGPROF) != self._interrupt:
            return call()
        self._is_running = True
        signal.setitimer(signal.ITIMER_PROF, self.cpu_s_max)
        try:
            return call()
        finally:
            self._is_running = False
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        # The signal may arrive just after the call has returned.
        if self._is_running:
            raise ProcessingOverdue
