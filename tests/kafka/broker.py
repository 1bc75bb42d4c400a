"""A real Apache Kafka broker for the tests, in KRaft mode, which a test can kill and start again."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

READY_S_MAX: Final = 60.0
STOP_S_MAX: Final = 20.0
USER: Final = "newsloom"
PASSWORD: Final = "right-password"  # noqa: S105 - the broker exists for one test run only

_NODE: Final = """
process.roles=broker,controller
node.id={address.node}
controller.quorum.voters={address.voters}
listeners=PLAIN://127.0.0.1:{address.plain},SASL://127.0.0.1:{address.sasl},CONTROLLER://127.0.0.1:{address.controller}
advertised.listeners=PLAIN://127.0.0.1:{address.plain},SASL://127.0.0.1:{address.sasl}
inter.broker.listener.name=PLAIN
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
log.dirs={directory}/data
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=8388608
"""

# One replica, shorter timeouts than a real cluster, and few partitions of internal topics, which start faster.
SINGLE_NODE: Final = """
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeAddress:
    """A broker's node id and ports, and the voters of its cluster as `node@host:port,...`."""

    node: int
    plain: int
    sasl: int
    controller: int
    voters: str


class Broker:
    """One broker in `directory`, run by the Kafka in `home` (with the layout of the official download).

    Without an address it is a cluster of one node. `settings` are further server properties; the last value of a name applies.
    `users` are created before the first start (`SCRAM-SHA-512=[name=...,password=...]`).
    """

    def __init__(
        self,
        home: Path,
        directory: Path,
        address: NodeAddress | None = None,
        settings: str = SINGLE_NODE,
        users: Sequence[str] = (),
    ) -> None:
        self._home = home
        self._directory = directory
        self._config = directory / "server.properties"
        self._log = directory / "server.log"
        self._address = address or _single_node_address()
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._config.write_text(
            _NODE.format(address=self._address, directory=directory, user=USER, password=PASSWORD) + settings
        )
        self._format(users)

    @property
    def url(self) -> str:
        """The URL for clients without security."""
        return f"kafka://127.0.0.1:{self._address.plain}"

    @property
    def sasl_url(self) -> str:
        """The URL for clients with `USER` and `PASSWORD` (SASL_PLAINTEXT, PLAIN)."""
        return f"kafka://127.0.0.1:{self._address.sasl}"

    def segment(self, topic: str) -> Path:
        """Return the file with the first records of the topic's first partition."""
        return self._directory / "data" / f"{topic}-0" / f"{0:020}.log"

    def start(self) -> None:
        """Start the broker and wait until it is ready."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the broker without waiting."""
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._home / "bin/kafka-server-start.sh", self._config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C must reach the tests only; they stop the broker.
            )

    def wait_ready(self) -> None:
        """Wait until the broker is ready."""
        wait_until(self._has_started, READY_S_MAX, f"broker {self._address.node} to start")

    def kill(self) -> None:
        """Kill the broker without a shutdown (SIGKILL)."""
        self._signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """Shut the broker down; kill it if that takes too long."""
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._wait()
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        """Suspend the broker: connections stay open, requests are not answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume the suspended broker."""
        self._signal(signal.SIGCONT)

    def _format(self, users: Sequence[str]) -> None:
        tool: list[str | Path] = [
            self._home / "bin/kafka-storage.sh",
            "format",
            "-t",
            "newsloomtestclusteridAA",
            "-c",
            self._config,
            *(part for user in users for part in ("--add-scram", user)),
        ]
        done = subprocess.run(tool, env=self._environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"Kafka's storage tool failed:\n{done.stdout}{done.stderr}")

    def _environment(self) -> dict[str, str]:
        heap = {"KAFKA_HEAP_OPTS": "-Xmx512m -Xms128m", "LOG_DIR": str(self._directory)}
        return {**os.environ, **heap}

    def refuse_writes(self) -> None:
        """Make every write to a file fail, as on a full disk. A broker exits when its directory fails.

        Linux only (prlimit). The limit ends with the process.
        """
        if self._process is not None:
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (1, 1))

    def wait_ended(self, seconds: float) -> bool:
        """Return whether the broker exits by itself within this time."""
        try:
            self._process is None or self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._process = None
        return True

    def _has_started(self) -> bool:
        text = self._log.read_bytes()[self._log_start :]
        if b"Kafka Server started" in text:
            return True
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError("the broker exited:\n" + text[-2000:].decode(errors="replace"))
        return False

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait(STOP_S_MAX)
            self._process = None


def _single_node_address() -> NodeAddress:
    plain, sasl, controller = free_ports(3)
    return NodeAddress(node=1, plain=plain, sasl=sasl, controller=controller, voters=f"1@127.0.0.1:{controller}")


def free_ports(count: int) -> list[int]:
    """Return ports without a listener."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until the condition holds; raise `TimeoutError` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


def find_kafka_home(repository: Path) -> Path | None:
    """Return KAFKA_HOME, else ../shared/kafka beside the repository; None if neither exists.

    Raises:
        RuntimeError: Kafka is installed, but Java is not.

    """
    named = os.environ.get("KAFKA_HOME")
    home = Path(named) if named else repository.parent / "shared" / "kafka"
    if not (home / "bin" / "kafka-server-start.sh").exists():
        if named:
            raise RuntimeError(f"KAFKA_HOME={named} does not contain bin/kafka-server-start.sh")
        return None
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise RuntimeError(f"Kafka is at {home}, but java is missing: install Java 17 or newer, or set JAVA_HOME")
    return home
