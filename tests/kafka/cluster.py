"""A cluster of three real brokers on loopback, with replication factor 3, min.insync.replicas=2 and free ports."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.kafka.broker import Broker, NodeAddress, free_ports

BROKERS: Final = 3

# Default timeouts. Preferred leaders are elected soon after a broker is back, so that leaders move more often.
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
    """Three brokers, numbered from 0, with their data in `directory`."""

    def __init__(self, home: Path, directory: Path) -> None:
        ports = free_ports(3 * BROKERS)
        voters = ",".join(f"{node + 1}@127.0.0.1:{ports[3 * node + 2]}" for node in range(BROKERS))
        addresses = [
            NodeAddress(node=node + 1, plain=plain, sasl=sasl, controller=controller, voters=voters)
            for node, (plain, sasl, controller) in enumerate(zip(ports[::3], ports[1::3], ports[2::3], strict=True))
        ]
        self.brokers = [Broker(home, directory / f"broker-{address.node}", address, _SETTINGS) for address in addresses]
        self.url = "kafka://" + ",".join(broker.url.removeprefix("kafka://") for broker in self.brokers)

    def start(self) -> None:
        """Start all brokers and wait until they are ready."""
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_ready()

    def stop(self) -> None:
        """Kill all brokers: their data is not needed any more."""
        for broker in self.brokers:
            broker.kill()
