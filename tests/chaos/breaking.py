"""What happens to the brokers: killed, alone or in pairs; stopped one after another; frozen; out of disk; leaders moved."""

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
from tests.chaos.pace import Pace
from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster

GROWN_PARTITIONS: Final = 5
GROWS_AT: Final = 0.5
ENDS_S_MAX: Final = 60.0
AWAY_S: Final = (4.0, 16.0)
"""A broker is given up by its cluster after 9 s: some come back before."""
FROZEN_S: Final = (4.0, 14.0)
RETRIES: Final = 20
ORDER: Final = ("kill", "kill", "rolling", "kill", "two", "freeze", "kill", "full disk", "kill", "two")
"""What comes after what. Killed or restarted are one broker by each but `rolling` (all three), `two`, and `freeze` (none)."""
DOWN: Final = {"kill": 1, "rolling": 3, "two": 2, "freeze": 0, "full disk": 1}


def faults(downs: int) -> list[str]:
    """Faults in their order, until at least so many brokers have gone down."""
    chosen: list[str] = []
    while sum(DOWN[kind] for kind in chosen) < downs:
        chosen.append(ORDER[len(chosen) % len(ORDER)])
    return chosen


@dataclass
class Breaker:
    """Deals so many kills or restarts to the cluster, spread over the run."""

    cluster: Cluster
    pace: Pace
    downs: int
    prefix: str
    seed: int

    def run(self) -> None:
        """One fault after another, each with its repair, while the services' blows go on."""
        self._choice = random.Random(self.seed)  # noqa: S311 - nothing secret
        plan = faults(self.downs)
        grown = False
        for place, kind in enumerate(plan):
            moment = (place + 0.5) / len(plan)
            if not grown and moment >= GROWS_AT:
                grown = self._wait(GROWS_AT) and self._grow()
            if not self._wait(moment):
                return
            self._deal(kind)
            self._move_leaders()
        if not grown and self._wait(GROWS_AT):
            self._grow()

    def _wait(self, fraction: float) -> bool:
        return self.pace.wait_for(fraction)

    def _deal(self, kind: str) -> None:
        brokers = self._choice.sample(self.cluster.brokers, 3)
        if kind == "kill":
            self._kill(brokers[:1])
            self.pace.count("broker: kill -9 of one")
        elif kind == "two":
            self._kill(brokers[:2])
            self.pace.count("broker: kill -9 of two at once (no quorum)")
        elif kind == "rolling":
            for broker in brokers:
                broker.stop()
                self._pause((0.0, 2.0))
                broker.start()
            self.pace.count("broker: rolling restart of three")
        elif kind == "full disk":
            self._fill(brokers[0])
        else:
            brokers[0].freeze()
            self._pause(FROZEN_S)
            brokers[0].thaw()
            self.pace.count("broker: frozen")
        self.pace.count("brokers down", DOWN[kind])

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
            raise RuntimeError(f"a broker that cannot write went on for {ENDS_S_MAX:g} s")
        self._pause(AWAY_S)
        broker.start()
        self.pace.count("broker: full log directory")

    def _pause(self, seconds: tuple[float, float]) -> None:
        # No waiting for a condition: to be away for a while is the blow itself.
        time.sleep(self._choice.uniform(*seconds))

    def _move_leaders(self) -> None:
        """Every partition's leader back to its first replica, of which some other was."""
        if self._admin(lambda admin: admin.elect_leaders(0, raise_errors=False)):
            self.pace.count("leaders moved to preferred replicas")

    def _grow(self) -> bool:
        wanted = {self.prefix + ARTICLES.name: GROWN_PARTITIONS}
        if not self._admin(lambda admin: admin.create_partitions(wanted)):
            raise RuntimeError("the partitions of articles could not be increased")
        self.pace.count(f"articles: grown to {GROWN_PARTITIONS} partitions")
        return True

    def _admin(self, do: Callable[[Any], object]) -> bool:
        """Ask the cluster for something until it does it."""
        for _ in range(RETRIES):
            try:
                admin = ClientFactory(parse_addresses(self.cluster.url), {}).admin()
            except Exception:  # noqa: BLE001, S112 - whatever is the matter with the cluster, it passes
                continue
            try:
                do(admin)
            except KafkaError:
                # Between two tries: a cluster without a quorum answers at once that it cannot.
                time.sleep(1.0)
            else:
                return True
            finally:
                admin.close()
        return False
