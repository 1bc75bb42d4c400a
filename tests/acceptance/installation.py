"""An installation as an operator runs it: settings in the environment, commands, and services as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from newsloom.contracts.pipeline import SERVICES
from newsloom.contracts.topics import TopicDefinition
from newsloom.log_names import group_name, topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from services.verifier.verification import find_clustering_violations, find_violations
from tests.acceptance.published import Published, read_published
from tests.kafka.broker import wait_until

COMMAND_S_MAX: Final = 900.0
DRAIN_S_MAX: Final = 1_200.0
END_S_MAX: Final = 60.0
START_S_MAX: Final = 120.0
INPUT_TOPICS: Final = {service.name: service.consumes for service in SERVICES}
"""The topics that each service consumes."""


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """Status, output and duration of a command or service that has ended."""

    status: int
    stdout: str
    stderr: str
    seconds: float


class Service:
    """A service as a process, started as by a supervisor or in a container."""

    def __init__(self, name: str, environ: dict[str, str], log_file: Path) -> None:
        self._log_file = log_file
        self._begun = time.monotonic()
        with log_file.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"services.{name}"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C must reach the tests only, which then end it.
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def has_started(self) -> bool:
        """Return whether the service has logged that it started."""
        return self.has_logged("service.started")

    def has_logged(self, event: str) -> bool:
        """Return whether the service has logged this event."""
        return f'"{event}"'.encode() in self._log_file.read_bytes()

    def end(self, number: signal.Signals = signal.SIGTERM) -> ProcessResult:
        """Send the signal and wait until the service ends."""
        self._process.send_signal(number)
        return self.wait(END_S_MAX)

    def wait(self, seconds: float) -> ProcessResult:
        """Wait until the service ends by itself; fail after this many seconds."""
        status = self._process.wait(seconds)
        return ProcessResult(status, "", self._log_file.read_text(), time.monotonic() - self._begun)


@dataclass
class Installation:
    """One log and topic prefix, and the processes that are started on them."""

    url: str
    prefix: str
    folder: Path
    services: list[Service] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return Settings(log=self.url, topic_prefix=self.prefix)

    def environ(self, **changed: str) -> dict[str, str]:
        """Return the environment of a process: ours without newsloom's settings, the installation's settings, and `changed`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
        return {**inherited, "NEWSLOOM_LOG": self.url, "NEWSLOOM_TOPIC_PREFIX": self.prefix, **changed}

    def newsloom(self, *arguments: str, **changed: str) -> ProcessResult:
        """Run a command to its end."""
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *arguments],
            env=self.environ(**changed),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )
        return ProcessResult(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)

    def command(self, *arguments: str, **changed: str) -> ProcessResult:
        """Run a command that must succeed."""
        done = self.newsloom(*arguments, **changed)
        assert done.status == 0, f"newsloom {' '.join(arguments)}: {done.status}\n{done.stdout}{done.stderr}"
        return done

    def start(self, name: str, **changed: str) -> Service:
        """Start a service."""
        service = Service(name, self.environ(**changed), self.folder / f"{name}-{len(self.services)}.log")
        self.services.append(service)
        return service

    def open(self) -> Log:
        """Open the log in this process."""
        return open_log_url(self.url)

    def write(self, topic: TopicDefinition, messages: Sequence[Message]) -> None:
        """Write messages to partition 0 of a topic in one transaction."""
        with closing(self.open()) as log, closing(log.writer("producer")) as writer:
            before = writer.progress()
            name = topic_name(self.settings, topic)
            addressed = [
                Message(name, message.key, message.value, message.headers, 0, message.timestamp_ms)
                for message in messages
            ]
            writer.write(addressed, Progress((before.position if before else 0) + 1))

    def backlog(self, log: Log, service: str) -> int:
        """Return the number of records that a service has not processed yet."""
        topics = [topic_name(self.settings, topic) for topic in INPUT_TOPICS[service]]
        return log.admin().backlog(group_name(self.settings, service), topics)

    def _is_done(self, log: Log, service: str) -> bool:
        return self.backlog(log, service) == 0

    def drain(self, *names: str) -> None:
        """Wait until these services have no backlog; name them in the order of the flow."""
        with closing(self.open()) as log:
            for name in names:
                wait_until(partial(self._is_done, log, name), DRAIN_S_MAX, f"the {name} to drain")

    def run(self, *names: str, **changed: str) -> None:
        """Start these services, wait until they have no backlog, and end them."""
        running = [self.start(name, **changed) for name in names]
        self.drain(*names)
        for service in running:
            ended = service.end()
            assert ended.status == 0, ended.stderr

    def published(self) -> Published:
        """Read everything on the topics."""
        with closing(self.open()) as log:
            return read_published(log, self.prefix)

    def find_violations(self) -> list[str]:
        """Return the violations that the verifier finds."""
        with closing(self.open()) as log:
            return find_violations(log, self.settings)

    def find_clustering_violations(self) -> list[str]:
        """Return the violations in the clusterer's topics alone."""
        with closing(self.open()) as log:
            return find_clustering_violations(log, self.settings)

    def stories(self) -> str:
        """Return the output of `newsloom stories --format json`."""
        return self.command("stories", "--format", "json").stdout

    def close(self) -> None:
        """Kill every service that still runs."""
        for service in self.services:
            if service.is_running:
                service.end(signal.SIGKILL)
