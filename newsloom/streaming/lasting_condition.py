"""Log a condition that lasts once when it begins and once when it ends, not each time it is met."""

from __future__ import annotations

import time

import structlog

_log = structlog.get_logger("newsloom.loop")


class LastingCondition:
    """A condition with two log events: a warning when it begins, an information when it ends."""

    def __init__(self, *, begins: str, ends: str) -> None:
        self._begins = begins
        self._ends = ends
        self._times = 0
        self._since_s = 0.0

    def meet(self, error: Exception) -> None:
        """Take note that the condition holds; log the first time."""
        self._times += 1
        if self._times == 1:
            self._since_s = time.monotonic()
            _log.warning(self._begins, error=str(error))

    def end(self) -> None:
        """Take note that the condition does not hold, and log that if it did."""
        if self._times:
            _log.info(self._ends, times=self._times, seconds=round(time.monotonic() - self._since_s, 3))
            self._times = 0
