"""How far a run has come, for those who do things at the same time: the services' blows are its clock."""

from __future__ import annotations

import threading
from collections import Counter


class Pace:
    """Counts blows; others wait for their moment among them."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._changed = threading.Condition()
        self._stopped = False
        self.counts: Counter[str] = Counter()
        self.fed = 0.0
        """Which part of the traffic is in."""
        self.waiting: dict[str, int] = {}
        """Records that wait for each service, as last seen; 0 while nobody can tell."""

    @property
    def fraction(self) -> float:
        """Which part of the services' blows has been dealt."""
        return self._done / self._total

    @property
    def stopped(self) -> bool:
        return self._stopped

    def count(self, kind: str, number: int = 1) -> None:
        """Something was done."""
        with self._changed:
            self.counts[kind] += number

    def step(self) -> None:
        """One more blow was dealt to the services."""
        with self._changed:
            self._done += 1
            self._changed.notify_all()

    def wait_for(self, fraction: float) -> bool:
        """Return once so many of the blows have been dealt; False if the run has been broken off."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self.fraction >= fraction)
            return not self._stopped

    def stop(self) -> None:
        """Break off: nobody waits any longer."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
