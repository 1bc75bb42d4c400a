"""Inject faults into the brokers: kill one or two, restart one after another, freeze, fill the disk, move leaders."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from kafka.errors import KafkaError

from newsloom.contracts.topics import ARTICLES
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from tests.chaos.run_progress import RunProgress
from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster

GROWN_PARTITIONS: Final = 5
GROWS_AT: Final = 0.5
ENDS_S_MAX: Final = 60.0
AWAY_S: Final = (4.0, 16.0)
"""Its cluster fences a broker after 9 s: some come back before that."""
FROZEN_S: Final = (4.0, 14.0)
RETRIES: Final = 20
ORDER: Final = ("kill", "kill", "rolling", "kill", "two", "freeze", "kill", "full disk", "kill", "two")
"""The order of the faults. `DOWN` is how many brokers each of them kills or restarts."""
DOWN: Final = {"kill": 1, "rolling": 3, "two": 2, "freeze": 0, "full disk": 1}


def plan_faults(downs: int) -> list[str]:
    """Return faults in their order that kill or restart at least this many brokers."""
    chosen: list[str] = []
    while sum(DOWN[kind] for kind in chosen) < downs:
        chosen.append(ORDER[len(chosen) % len(ORDER)])
    return chosen


@dataclass
class BrokerFaultInjector:
    """Kills or restarts this many brokers of the cluster, spread over the run."""

    cluster: Cluster
    progress: RunProgress
    downs: int
    prefix: str
    seed: int

    def run(self) -> None:
        """Inject and repair one fault after another, while other faults are injected into the services."""
        self._rng = random.Random(self.seed)  # noqa: S311 - nothing secret
        plan = plan_faults(self.downs)
        grown = False
        for index, kind in enumerate(plan):
            due_at = (index + 0.5) / len(plan)
            if not grown and due_at >= GROWS_AT:
                grown = self._wait(GROWS_AT) and self._grow()
            if not self._wait(due_at):
                return
            self._inject(kind)
            self._move_leaders()
        if not grown and self._wait(GROWS_AT):
            self._grow()

    def _wait(self, fraction: float) -> bool:
        return self.progress.wait_for(fraction)

    def _inject(self, kind: str) -> None:
        brokers = self._rng.sample(self.cluster.brokers, 3)
        if kind == "kill":
            self._kill(brokers[:1])
            self.progress.count("broker: kill -9 of one")
        elif kind == "two":
            self._kill(brokers[:2])
            self.progress.count("broker: kill -9 of two at once (no quorum)")
        elif kind == "rolling":
            for broker in brokers:
                broker.stop()
                self._pause((0.0, 2.0))
                broker.start()
            self.progress.count("broker: rolling restart of three")
        elif kind == "full disk":
            self._fill(brokers[0])
        else:
            brokers[0].freeze()
            self._pause(FROZEN_S)
            brokers[0].thaw()
            self.progress.count("broker: frozen")
        self.progress.count("brokers down", DOWN[kind])

    def _kill(self, brokers: list[Broker]) -> None:
        for broker in brokers:
            broker.kill()
        self._pause(AWAY_S)
        for broker in brokers:
            broker.launch()
        for broker in brokers:
            broker.wait_ready()

    def _fill(self, broker: Broker) -> None:
        broker.refuse_writes()
        if not broker.wait_ended(ENDS_S_MAX):
            raise RuntimeError(f"a broker that cannot write did not end within {ENDS_S_MAX:g} s")
        self._pause(AWAY_S)
        broker.start()
        self.progress.count("broker: full log directory")

    def _pause(self, seconds: tuple[float, float]) -> None:
        # There is no condition to wait for: the fault is that the broker is away for a while.
        time.sleep(self._rng.uniform(*seconds))

    def _move_leaders(self) -> None:
        """Move the leader of every partition back to its preferred replica."""
        if self._admin(lambda admin: admin.elect_leaders(0, raise_errors=False)):
            self.progress.count("leaders moved to preferred replicas")

    def _grow(self) -> bool:
        wanted = {self.prefix + ARTICLES.name: GROWN_PARTITIONS}
        if not self._admin(lambda admin: admin.create_partitions(wanted)):
            raise RuntimeError("the number of partitions of articles could not be increased")
        self.progress.count(f"articles: grown to {GROWN_PARTITIONS} partitions")
        return True

    def _admin(self, do: Callable[[Any], object]) -> bool:
        """Retry an admin request until it succeeds; return False after `RETRIES` attempts."""
        for _ in range(RETRIES):
            try:
                admin = ClientFactory(parse_addresses(self.cluster.url), {}).admin()
            except Exception:  # noqa: BLE001, S112 - any error of the cluster is temporary
                continue
            try:
                do(admin)
            except KafkaError:
                # Wait between attempts: without a quorum, the cluster refuses at once.
                time.sleep(1.0)
            else:
                return True
            finally:
                admin.close()
        return False
