"""A real Apache Kafka broker for the tests: a node in KRaft mode, started, killed and started again at will."""

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
PASSWORD: Final = "right-password"  # noqa: S105 - of a broker that lives for one test run

_NODE: Final = """
process.roles=broker,controller
node.id={seat.node}
controller.quorum.voters={seat.voters}
listeners=PLAIN://127.0.0.1:{seat.plain},SASL://127.0.0.1:{seat.sasl},CONTROLLER://127.0.0.1:{seat.controller}
advertised.listeners=PLAIN://127.0.0.1:{seat.plain},SASL://127.0.0.1:{seat.sasl}
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

# The timeouts of a real cluster, shortened; one copy of everything; small internal topics start faster.
ALONE: Final = """
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
    """A broker's place in its cluster: its number, its ports, and all voters as `node@host:port,...`."""

    node: int
    plain: int
    sasl: int
    controller: int
    voters: str


class Broker:
    """One broker in `directory`, run by the Kafka in `home` (laid out like the official download).

    Without a seat it is a cluster of its own; `settings` are further server properties, of which the last of a name counts;
    `users` are made before the first start (`SCRAM-SHA-512=[name=...,password=...]`).
    """

    def __init__(
        self,
        home: Path,
        directory: Path,
        seat: NodeAddress | None = None,
        settings: str = ALONE,
        users: Sequence[str] = (),
    ) -> None:
        self._home = home
        self._directory = directory
        self._config = directory / "server.properties"
        self._log = directory / "server.log"
        self._seat = seat or _alone()
        self._seen = 0
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        self._config.write_text(
            _NODE.format(seat=self._seat, directory=directory, user=USER, password=PASSWORD) + settings
        )
        self._format(users)

    @property
    def url(self) -> str:
        """Where clients connect without security."""
        return f"kafka://127.0.0.1:{self._seat.plain}"

    @property
    def sasl_url(self) -> str:
        """Where clients connect with `USER` and `PASSWORD` (SASL_PLAINTEXT, PLAIN)."""
        return f"kafka://127.0.0.1:{self._seat.sasl}"

    def start(self) -> None:
        """Start, and return when it serves."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start, and do not wait."""
        self._seen = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._home / "bin/kafka-server-start.sh", self._config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it.
            )

    def wait_ready(self) -> None:
        """Return when it serves."""
        wait_until(self._has_started, READY_S_MAX, f"broker {self._seat.node} to start")

    def kill(self) -> None:
        """End it as a power failure would."""
        self._signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """End it in good order, or at any rate."""
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._wait()
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        """Let it hang: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
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
        """Let every write to a file fail from now on, as on a full disk; a broker ends itself when its directory fails.

        Linux only (prlimit). The limit goes with the process.
        """
        if self._process is not None:
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (1, 1))

    def wait_ended(self, seconds: float) -> bool:
        """Whether it has ended by itself within so many seconds."""
        try:
            self._process is None or self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._process = None
        return True

    def _has_started(self) -> bool:
        text = self._log.read_bytes()[self._seen :]
        if b"Kafka Server started" in text:
            return True
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError("the broker ended:\n" + text[-2000:].decode(errors="replace"))
        return False

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait(STOP_S_MAX)
            self._process = None


def _alone() -> NodeAddress:
    plain, sasl, controller = free_ports(3)
    return NodeAddress(node=1, plain=plain, sasl=sasl, controller=controller, voters=f"1@127.0.0.1:{controller}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return once the condition holds; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        # Between two looks at the condition.
        time.sleep(0.02)


def find_kafka_home(repository: Path) -> Path | None:
    """KAFKA_HOME, else ../shared/kafka beside the repository; None if there is neither.

    Raises:
        RuntimeError: there is a Kafka, but no Java to run it.

    """
    named = os.environ.get("KAFKA_HOME")
    home = Path(named) if named else repository.parent / "shared" / "kafka"
    if not (home / "bin" / "kafka-server-start.sh").exists():
        if named:
            raise RuntimeError(f"KAFKA_HOME={named} holds no bin/kafka-server-start.sh")
        return None
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise RuntimeError(f"Kafka is at {home}, but there is no java: install Java 17 or newer, or set JAVA_HOME")
    return home
