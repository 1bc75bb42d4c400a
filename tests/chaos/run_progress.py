"""Progress of a run, shared by its threads: the fraction of the planned faults of the services that were injected."""

from __future__ import annotations

import threading
from collections import Counter


class RunProgress:
    """Counts the faults of the services; other threads wait for a fraction of them."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._changed = threading.Condition()
        self._stopped = False
        self.counts: Counter[str] = Counter()
        self.ingested = 0.0
        """Fraction of the lines that are ingested."""
        self.backlogs: dict[str, int] = {}
        """Records that wait for each service, as seen last; empty while the log is unavailable."""

    @property
    def fraction(self) -> float:
        """Return the fraction of the faults that were injected."""
        return self._done / self._total

    @property
    def stopped(self) -> bool:
        return self._stopped

    def count(self, kind: str, number: int = 1) -> None:
        """Count an action."""
        with self._changed:
            self.counts[kind] += number

    def step(self) -> None:
        """Count one more fault of the services."""
        with self._changed:
            self._done += 1
            self._changed.notify_all()

    def wait_for(self, fraction: float) -> bool:
        """Wait until this fraction of the faults was injected; return False if the run was aborted."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self.fraction >= fraction)
            return not self._stopped

    def stop(self) -> None:
        """Abort the run: end every wait."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
