"""Three real brokers on loopback: replication 3, of which 2 must be in sync. Ports are chosen for each run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.kafka.broker import Broker, NodeAddress, free_ports

BROKERS: Final = 3

# A broker's own timeouts as delivered. Leaders go back to where they belong soon after a broker is back: more of them move.
_SETTINGS: Final = """
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=6
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=6
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
group.initial.rebalance.delay.ms=0
leader.imbalance.check.interval.seconds=15
"""


class Cluster:
    """Brokers, numbered from 0, in `directory`."""

    def __init__(self, home: Path, directory: Path) -> None:
        ports = free_ports(3 * BROKERS)
        voters = ",".join(f"{node + 1}@127.0.0.1:{ports[3 * node + 2]}" for node in range(BROKERS))
        seats = [
            NodeAddress(node=node + 1, plain=plain, sasl=sasl, controller=controller, voters=voters)
            for node, (plain, sasl, controller) in enumerate(zip(ports[::3], ports[1::3], ports[2::3], strict=True))
        ]
        self.brokers = [Broker(home, directory / f"broker-{seat.node}", seat, _SETTINGS) for seat in seats]
        self.url = "kafka://" + ",".join(broker.url.removeprefix("kafka://") for broker in self.brokers)

    def start(self) -> None:
        """Start all, and return when they serve."""
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_ready()

    def stop(self) -> None:
        """End all. At once: nobody needs what is on them any more."""
        for broker in self.brokers:
            broker.kill()
