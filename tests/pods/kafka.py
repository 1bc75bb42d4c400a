"""A broker of this machine that pods reach by a name."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from tests.kafka.broker import SINGLE_NODE, Broker, NodeAddress, free_ports
from tests.kafka.certificates import Authority
from tests.kubernetes.cluster import Cluster

PORT: Final = 9092
TLS_PORT: Final = 9093
NAMESPACE: Final = "kafka"
NAME: Final = "kafka.kafka.svc.cluster.local"
USER: Final = "pods"
MECHANISM: Final = "SCRAM-SHA-512"

_LISTENERS: Final = """
listeners=PLAIN://127.0.0.1:{plain},TLS://127.0.0.1:{tls},PODS://127.0.0.1:{pods},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAIN://127.0.0.1:{plain},TLS://{name}:{tls_port},PODS://{name}:{port}
listener.security.protocol.map=PLAIN:PLAINTEXT,TLS:SASL_SSL,PODS:PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms={mechanism}
listener.name.tls.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
broker.session.timeout.ms=9000
broker.heartbeat.interval.ms=2000
"""
# The last two are Kafka's defaults. With the shorter ones of other tests the controller fenced a broker that had no CPU for 3 s.


class PodKafka(Broker):
    """One broker for this machine and for pods.

    Pods reach it as `NAME`: at `PORT`, and at `TLS_PORT` with TLS and the password of `USER`.
    """

    def __init__(self, home: Path, directory: Path, cluster: Cluster, *, password: str) -> None:
        self._cluster = cluster
        plain, tls, pods, controller = free_ports(4)
        self._configs = home / "bin" / "kafka-configs.sh"
        self._targets = {PORT: pods, TLS_PORT: tls}
        authority = Authority(directory / "authority")
        self.authority = authority.certificate
        voters = f"1@127.0.0.1:{controller}"
        address = NodeAddress(node=1, plain=plain, sasl=tls, controller=controller, voters=voters)
        listeners = _LISTENERS.format(
            plain=plain,
            tls=tls,
            pods=pods,
            controller=controller,
            name=NAME,
            port=PORT,
            tls_port=TLS_PORT,
            mechanism=MECHANISM,
            keystore=authority.issue("broker", alternative_name=f"DNS:{NAME}"),
        )
        super().__init__(home, directory, address, SINGLE_NODE + listeners, [_credential(password, name=USER)])

    def launch(self) -> None:
        """Start the broker without waiting, with the CPU of the node: pods wait for it."""
        super().launch()
        if self._process is not None:
            self._cluster.adopt(self._process.pid)

    def show(self) -> None:
        """Make the broker a pod and a Service of the cluster, in a namespace that the network policies allow."""
        cluster = self._cluster
        cluster.kubectl("create", "namespace", NAMESPACE)
        cluster.kubectl("label", "namespace", NAMESPACE, "newsloom/kafka=true")
        for port, target in self._targets.items():
            cluster.node("stand-in", NAMESPACE, "kafka-0", str(port), f"127.0.0.1:{target}", "app=kafka")
        ports = [f"--tcp={port}:{port}" for port in self._targets]
        cluster.kubectl("-n", NAMESPACE, "create", "service", "clusterip", "kafka", *ports)

    def change_password(self, password: str) -> None:
        """Give `USER` another password. Connections that exist stay."""
        target = (
            "--bootstrap-server",
            self.url.removeprefix("kafka://"),
            "--entity-type",
            "users",
            "--entity-name",
            USER,
        )
        subprocess.run(
            [self._configs, *target, "--alter", "--add-config", _credential(password)], capture_output=True, check=True
        )


def _credential(password: str, *, name: str = "") -> str:
    return f"{MECHANISM}=[{f'name={name},' if name else ''}password={password}]"
