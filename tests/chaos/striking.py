"""What happens to the services: killed, stopped, frozen, replaced while frozen, slowed beyond the group's patience."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from typing import Final

from tests.chaos.embedder import SLOW_SIGNAL
from tests.chaos.newsroom import Newsroom, Replica
from tests.chaos.pace import Pace

TICK_S: Final = 0.1
PAUSE_S: Final = (0.2, 5.0)
"""Between two blows."""
FROZEN_S: Final = (8.0, 25.0)
"""A session ends after 10 s."""
STARTED_S_MAX: Final = 60.0
VICTIM_S_MAX: Final = 300.0
WORK_S_MAX: Final = 4.0
"""So long a kill waits for its victim to have work; then it comes at any rate."""
WORKING_S_MAX: Final = 1.5
"""And so long, at most, it lets it work."""
EARLY: Final = 0.2
"""This part of the kills may hit a replica that is still starting or restoring."""
OTHERS: Final = ("freeze", "replace", "slow", "terminate", "freeze")
"""What comes between the kills, one for every `KILLS_BETWEEN` of them."""
KILLS_BETWEEN: Final = 4
SLOW_S: Final = 35.0
POLL_INTERVAL_MS: Final = 30_000
"""`max.poll.interval.ms` of this run, instead of five minutes: a slow batch is longer."""


def blows(kills: int, choice: random.Random) -> list[str]:
    """So many kills in a random order with the others."""
    plan = ["kill"] * kills + [OTHERS[place % len(OTHERS)] for place in range(max(kills // KILLS_BETWEEN, len(OTHERS)))]
    choice.shuffle(plan)
    return plan


@dataclass
class Striker:
    """Deals blows to the replicas of a newsroom, and tends it all the while."""

    newsroom: Newsroom
    pace: Pace
    plan: list[str]
    choice: random.Random

    def run(self) -> None:
        """All of the plan, unless the run is broken off."""
        for kind in self.plan:
            self._wait(self.choice.uniform(*PAUSE_S))
            # Blows are spread over all of the traffic: neither runs ahead of the other.
            while self.pace.fed < self.pace.fraction and not self.pace.stopped:
                self._wait(TICK_S)
            if self.pace.stopped:
                return
            self._strike(kind)
            self.pace.step()

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.pace.stopped:
            self.newsroom.tend()
            # Between two looks at the services: the blows come at times of their own.
            time.sleep(TICK_S)

    def _strike(self, kind: str) -> None:
        replica = self._victim(kind)
        if kind == "kill" and replica.process.has_started:
            self._let_work(replica)
        if kind == "kill":
            replica.process.signal(signal.SIGKILL)
        elif kind == "terminate":
            replica.process.signal(signal.SIGTERM)
        elif kind == "freeze":
            self.newsroom.freeze(replica, self.choice.uniform(*FROZEN_S))
        elif kind == "replace":
            self.newsroom.replace(replica, self.choice.uniform(*FROZEN_S))
        else:
            replica.process.signal(SLOW_SIGNAL)
            replica.slow_until = time.monotonic() + SLOW_S + PAUSE_S[1]
        self.pace.count(f"{replica.service}: {kind}")

    def _let_work(self, replica: Replica) -> None:
        """Return in the middle of its work, if there is any."""
        deadline = time.monotonic() + WORK_S_MAX
        while not self.pace.waiting.get(replica.service) and time.monotonic() < deadline:
            self._wait(TICK_S)
        if self.pace.waiting.get(replica.service):
            self.pace.count(f"{replica.service}: kill with records waiting for it")
            self._wait(self.choice.uniform(0.0, WORKING_S_MAX))

    def _victim(self, kind: str) -> Replica:
        """Somebody who can be hit: who runs, is not frozen, nor in the middle of a slow batch, and has mostly begun to work."""
        early = kind == "kill" and self.choice.random() < EARLY
        begun = time.monotonic()
        while True:
            self.newsroom.tend()
            fit = [replica for replica in self.newsroom.replicas if _is_fit(replica, kind, early=early)]
            if fit:
                return self.choice.choice(fit)
            waited = time.monotonic() - begun
            early |= waited > STARTED_S_MAX  # Nobody gets to work for now; a start can be hit as well.
            if waited > VICTIM_S_MAX or self.pace.stopped:
                raise RuntimeError(f"no replica runs that could be hit: {self.newsroom.problems[-3:]}")
            # Between two looks for one that runs.
            time.sleep(TICK_S)


def _is_fit(replica: Replica, kind: str, *, early: bool) -> bool:
    if kind == "slow" and replica.service != "embedder":
        return False
    runs = replica.process.status is None and replica.frozen_until is None and time.monotonic() > replica.slow_until
    started = replica.process.has_started
    return runs and (started or (early and kind == "kill"))
