"""Keeps services running as processes of this machine: starts them, starts again what dies, ends them together."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import IO, Final, Self

import structlog

from newsloom.service import EXIT_CONFIGURATION
from newsloom.streaming.errors import ConfigurationError, LogError

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
HEALTHY_S: Final = 60.0
"""A service that has lived this long begins anew with the shortest backoff."""
STOP_S: Final = 30.0
"""How long services have to finish their batch after SIGTERM."""
LOOK_S: Final = 0.05

_log = structlog.get_logger("newsloom.supervisor")


class ServiceFailed(LogError):
    """A service died time and again, and this run is not to go on for ever."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process to keep running. It gets a pipe as standard input that ends with the supervisor.

    `environ` are variables of its own, beside those of all services.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)


def newsloom_service(name: str, **environ: str) -> Service:
    """The service of that name, tied to this process."""
    # As the command, which also says what to install where something is missing. -P: a folder called `services` where the
    # user happens to be must not take the place of ours.
    return Service(name, (sys.executable, "-P", "-m", "services.local.child_process", "services.cli", name), environ)


class StopSignals:
    """While entered, SIGTERM or SIGINT sets `stop`, a second one `hurry`."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.hurry = threading.Event()

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()


class _Child:
    """One service: its process while it runs, and when to start it again while it does not."""

    def __init__(self, service: Service, environ: Mapping[str, str], output: IO[str] | None) -> None:
        self.name = service.name
        self.deaths = 0
        self._service = service
        self._environ = environ
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._backoff_s = BACKOFF_FIRST_S

    def start_if_due(self) -> None:
        if self._process is not None or time.monotonic() < self._start_at:
            return
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - our own command, without a shell
            self._service.command,
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            env={**self._environ, **self._service.environ},
            # Ctrl-C on the terminal is for the supervisor alone, which passes it on in order.
            process_group=0,
        )
        _log.info("service.process-started", service=self.name, pid=self._process.pid)

    def reap(self) -> int | None:
        """The exit status, once, after the process has died; None otherwise."""
        status = None if self._process is None else self._process.poll()
        if status is None:
            return None
        self._release()
        if time.monotonic() - self._started_at >= HEALTHY_S:
            self.deaths, self._backoff_s = 0, BACKOFF_FIRST_S
        self.deaths += 1
        return status

    def start_later(self) -> float:
        """Let the next start wait, twice as long as the one before; returns how long, in seconds."""
        backoff_s = self._backoff_s
        self._backoff_s = min(BACKOFF_MAX_S, 2 * backoff_s)
        self._start_at = time.monotonic() + backoff_s
        return backoff_s

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def end(self) -> None:
        """Kill what still runs, and wait for it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._release()

    def _release(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None


class Supervisor:
    """Looks after services; used by one thread, which calls `check` a few times a second.

    `deaths_max`: after so many deaths in a row of one service the run fails; None goes on for ever. `output` gets what the
    services print; None leaves them ours.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        environ: Mapping[str, str],
        output: IO[str] | None = None,
        deaths_max: int | None = None,
    ) -> None:
        self._children = [_Child(service, environ, output) for service in services]
        self._deaths_max = deaths_max

    def check(self) -> None:
        """Start what does not run and is due.

        Raises:
            ConfigurationError: a service ended with status 78: starting it again cannot help. It has said why itself.
            ServiceFailed: a service died `deaths_max` times in a row.

        """
        for child in self._children:
            status = child.reap()
            if status is not None:
                self._check_death(child, status)
                backoff_s = child.start_later()
                _log.warning("service.process-died", service=child.name, status=status, start_again_in_s=backoff_s)
            child.start_if_due()

    def stop(self, hurry: threading.Event) -> None:
        """End all services: SIGTERM, up to `STOP_S` to finish their batch, then (or when `hurry` is set) SIGKILL."""
        for child in self._children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while any(child.running() for child in self._children) and time.monotonic() < deadline:
            if hurry.wait(LOOK_S):
                break
        for child in self._children:
            child.end()

    def _check_death(self, child: _Child, status: int) -> None:
        if status == EXIT_CONFIGURATION:
            raise ConfigurationError(f"the {child.name} cannot work with this configuration; its own message says why")
        if self._deaths_max is not None and child.deaths >= self._deaths_max:
            raise ServiceFailed(
                f"the {child.name} died {child.deaths} times in a row, the last time with status {status}"
            )
