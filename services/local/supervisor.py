"""Keep services running as processes on this machine: start them, restart those that die, stop them together."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Final, Self

import structlog

from newsloom.service import EXIT_CONFIGURATION
from newsloom.streaming.errors import ConfigurationError, LogError

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
HEALTHY_S: Final = 60.0
"""A service that has run this long starts again with the shortest backoff."""
STOP_S: Final = 30.0
"""How long services have to finish their batch after SIGTERM."""
POLL_INTERVAL_S: Final = 0.05

_log = structlog.get_logger("newsloom.supervisor")


class ServiceFailed(LogError):
    """A service died too often in a row, in a run that must end."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process to keep running. Its standard input is a pipe that ends when the supervisor ends.

    `environ` are variables for this process alone, in addition to those of all processes.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)


def service_process(name: str, **environ: str) -> ProcessSpec:
    """Build the process of the service of that name, which ends when this process ends."""
    # Through the command line, which also names the package to install if one is missing. -P: a folder called `services` in
    # the current directory must not be imported instead of ours.
    command = (sys.executable, "-P", "-m", "services.local.child_process", "services.cli", name)
    return ProcessSpec(name, command, environ)


class StopSignals:
    """While entered, the first SIGTERM or SIGINT sets `stop`, a second one sets `hurry`."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.hurry = threading.Event()

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._handle) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()


class _ChildProcess:
    """One process while it runs, and the time of its next start while it does not."""

    def __init__(self, spec: ProcessSpec, environ: Mapping[str, str], output: IO[str] | None) -> None:
        self.name = spec.name
        self.deaths = 0
        self._spec = spec
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
            self._spec.command,
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            env={**self._environ, **self._spec.environ},
            # Ctrl-C must reach only the supervisor, which then stops the services in order.
            process_group=0,
        )
        _log.info("service.process-started", service=self.name, pid=self._process.pid)

    def reap(self) -> int | None:
        """Return the exit status, once, after the process has died; None otherwise."""
        status = None if self._process is None else self._process.poll()
        if status is None:
            return None
        self._release()
        if time.monotonic() - self._started_at >= HEALTHY_S:
            self.deaths, self._backoff_s = 0, BACKOFF_FIRST_S
        self.deaths += 1
        return status

    def schedule_restart(self) -> float:
        """Delay the next start, twice as long as the one before; return the delay in seconds."""
        backoff_s = self._backoff_s
        self._backoff_s = min(BACKOFF_MAX_S, 2 * backoff_s)
        self._start_at = time.monotonic() + backoff_s
        return backoff_s

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the process if it still runs, and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._release()

    def _release(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None


class Supervisor:
    """Start, restart and stop processes. For one thread, which calls `check` several times a second.

    `deaths_max`: raise `ServiceFailed` after that many deaths of one service in a row; None: never. `output` receives what
    the processes print; None: they inherit our standard output and error.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        *,
        environ: Mapping[str, str],
        output: IO[str] | None = None,
        deaths_max: int | None = None,
    ) -> None:
        self._children = [_ChildProcess(spec, environ, output) for spec in specs]
        self._deaths_max = deaths_max

    def check(self) -> None:
        """Start every process that is not running and whose start is due.

        Raises:
            ConfigurationError: a service ended with status 78. A restart cannot help; its own message gives the reason.
            ServiceFailed: a service died `deaths_max` times in a row.

        """
        for child in self._children:
            status = child.reap()
            if status is not None:
                self._check_death(child, status)
                backoff_s = child.schedule_restart()
                _log.warning("service.process-died", service=child.name, status=status, start_again_in_s=backoff_s)
            child.start_if_due()

    def stop(self, hurry: threading.Event) -> None:
        """Stop all processes: SIGTERM, then SIGKILL after `STOP_S` or as soon as `hurry` is set."""
        for child in self._children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while any(child.is_running() for child in self._children) and time.monotonic() < deadline:
            if hurry.wait(POLL_INTERVAL_S):
                break
        for child in self._children:
            child.kill()

    def _check_death(self, child: _ChildProcess, status: int) -> None:
        if status == EXIT_CONFIGURATION:
            raise ConfigurationError(
                f"the {child.name} cannot work with this configuration: its own message gives the reason"
            )
        if self._deaths_max is not None and child.deaths >= self._deaths_max:
            raise ServiceFailed(f"the {child.name} died {child.deaths} times in a row, last with exit status {status}")
