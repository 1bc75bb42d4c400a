"""Inject faults into the services: kill, stop, freeze, replace while frozen, slow down beyond `max.poll.interval.ms`."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from typing import Final

from tests.chaos.embedder import SLOW_SIGNAL
from tests.chaos.replica_supervisor import Replica, ReplicaSupervisor
from tests.chaos.run_progress import RunProgress

TICK_S: Final = 0.1
PAUSE_S: Final = (0.2, 5.0)
"""Pause between two faults."""
FROZEN_S: Final = (8.0, 25.0)
"""A session ends after 10 s."""
STARTED_S_MAX: Final = 60.0
TARGET_S_MAX: Final = 300.0
WORK_S_MAX: Final = 4.0
"""Time that a kill waits at most until its target has records to process."""
WORKING_S_MAX: Final = 1.5
"""Time that the target may then process records before it is killed."""
EARLY: Final = 0.2
"""Fraction of the kills whose target may still be starting or restoring."""
OTHERS: Final = ("freeze", "replace", "slow", "terminate", "freeze")
"""The other faults, one for every `KILLS_BETWEEN` kills."""
KILLS_BETWEEN: Final = 4
SLOW_S: Final = 35.0
POLL_INTERVAL_MS: Final = 30_000
"""`max.poll.interval.ms` of this run instead of five minutes, so that a slow batch exceeds it."""


def plan_faults(kills: int, rng: random.Random) -> list[str]:
    """Return this many kills and the other faults, in random order."""
    plan = ["kill"] * kills + [OTHERS[index % len(OTHERS)] for index in range(max(kills // KILLS_BETWEEN, len(OTHERS)))]
    rng.shuffle(plan)
    return plan


@dataclass
class ServiceFaultInjector:
    """Injects the planned faults into the replicas, and calls their supervisor meanwhile."""

    replicas: ReplicaSupervisor
    progress: RunProgress
    plan: list[str]
    rng: random.Random

    def run(self) -> None:
        """Inject all planned faults, unless the run is aborted."""
        for kind in self.plan:
            self._wait(self.rng.uniform(*PAUSE_S))
            # Spread the faults over the whole traffic: wait for ingestion if it is behind.
            while self.progress.ingested < self.progress.fraction and not self.progress.stopped:
                self._wait(TICK_S)
            if self.progress.stopped:
                return
            self._inject(kind)
            self.progress.step()

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.progress.stopped:
            self.replicas.check()
            # Check the services only now and then.
            time.sleep(TICK_S)

    def _inject(self, kind: str) -> None:
        replica = self._choose_target(kind)
        if kind == "kill" and replica.process.has_started:
            self._wait_for_work(replica)
        if kind == "kill":
            replica.process.signal(signal.SIGKILL)
        elif kind == "terminate":
            replica.process.signal(signal.SIGTERM)
        elif kind == "freeze":
            self.replicas.freeze(replica, self.rng.uniform(*FROZEN_S))
        elif kind == "replace":
            self.replicas.replace(replica, self.rng.uniform(*FROZEN_S))
        else:
            replica.process.signal(SLOW_SIGNAL)
            replica.slow_until = time.monotonic() + SLOW_S + PAUSE_S[1]
        self.progress.count(f"{replica.service}: {kind}")

    def _wait_for_work(self, replica: Replica) -> None:
        """Wait until the replica is in the middle of its work, if there is any."""
        deadline = time.monotonic() + WORK_S_MAX
        while not self.progress.backlogs.get(replica.service) and time.monotonic() < deadline:
            self._wait(TICK_S)
        if self.progress.backlogs.get(replica.service):
            self.progress.count(f"{replica.service}: kill with records waiting for it")
            self._wait(self.rng.uniform(0.0, WORKING_S_MAX))

    def _choose_target(self, kind: str) -> Replica:
        """Return a replica that runs, is neither frozen nor in a slow batch, and in most cases has started."""
        early = kind == "kill" and self.rng.random() < EARLY
        begun = time.monotonic()
        while True:
            self.replicas.check()
            possible = [one for one in self.replicas.replicas if _is_possible(one, kind, early=early)]
            if possible:
                return self.rng.choice(possible)
            waited = time.monotonic() - begun
            early |= waited > STARTED_S_MAX  # No replica gets started; kill one that is starting.
            if waited > TARGET_S_MAX or self.progress.stopped:
                raise RuntimeError(f"no replica is running: {self.replicas.problems[-3:]}")
            # Check for a running replica only now and then.
            time.sleep(TICK_S)


def _is_possible(replica: Replica, kind: str, *, early: bool) -> bool:
    if kind == "slow" and replica.service != "embedder":
        return False
    runs = replica.process.status is None and replica.frozen_until is None and time.monotonic() > replica.slow_until
    started = replica.process.has_started
    return runs and (started or (early and kind == "kill"))
