"""Replicas of both services, and a supervisor that starts each one again whenever it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from newsloom.service import EXIT_LOG

RESTART_S: Final = 0.5
FENCED_S_MAX: Final = 180.0
"""A zombie that wakes up may first have to find out that its broker is away."""
END_S_MAX: Final = 90.0
REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
MODULES: Final = {"embedder": "tests.chaos.embedder", "clusterer": "services.clusterer"}
EXPECTED: Final = frozenset({0, EXIT_LOG, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGUSR1})
"""Statuses a replica may end with: told to, fenced or without a log, killed (the last two: where it had no handler for it,
at its very beginning or its very end)."""


class Process:
    """One life of a replica."""

    def __init__(self, service: str, environ: Mapping[str, str], output: Path) -> None:
        self.output = output
        self._seen = output.stat().st_size if output.exists() else 0
        with output.open("ab") as lines:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULES[service]],
                env=dict(environ),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                start_new_session=True,
            )

    @property
    def status(self) -> int | None:
        return self._process.poll()

    @property
    def has_started(self) -> bool:
        return b'"service.started"' in self.output.read_bytes()[self._seen :]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        return self._process.wait(seconds)


@dataclass
class Replica:
    """A member of a service's group, by its instance; it is always there, in one process after another."""

    service: str
    instance: str
    process: Process
    frozen_until: float | None = None
    ended_at: float | None = None
    slow_until: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.service}-{self.instance}"


@dataclass
class Zombie:
    """A process that was frozen while another took its identity."""

    name: str
    process: Process
    wakes_at: float
    awake: bool = False


@dataclass
class Newsroom:
    """All replicas. `tend` is to be called often: it is the supervisor, and it wakes what was frozen."""

    environ: Mapping[str, str]
    folder: Path
    replicas: list[Replica] = field(default_factory=list)
    zombies: list[Zombie] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    fenced: int = 0

    def add(self, service: str, instance: str) -> Replica:
        """A replica more."""
        replica = Replica(service, instance, self._process(service, instance))
        self.replicas.append(replica)
        return replica

    def _process(self, service: str, instance: str) -> Process:
        environ = {**os.environ, **self.environ, "NEWSLOOM_INSTANCE": instance}
        return Process(service, environ, self.folder / f"{service}-{instance}.log")

    def tend(self) -> None:
        """Start again what has ended, wake what has been frozen for long enough, and see zombies off."""
        now = time.monotonic()
        for replica in self.replicas:
            if replica.frozen_until is not None and now >= replica.frozen_until:
                replica.process.signal(signal.SIGCONT)
                replica.frozen_until = None
            if replica.process.status is not None:
                replica.ended_at = replica.ended_at or now
                if now >= replica.ended_at + RESTART_S:
                    self._start_again(replica)
        for zombie in list(self.zombies):
            self._see_off(zombie, now)

    def _start_again(self, replica: Replica) -> None:
        self._note(replica.name, replica.process)
        replica.ended_at = replica.frozen_until = None
        replica.process = self._process(replica.service, replica.instance)

    def _note(self, name: str, process: Process) -> None:
        status = process.wait(0)
        said = f": {_reason(process.output)}" if status == EXIT_LOG else ""
        self.statuses[f"{name.partition('-')[0]} {status}{said}"] += 1
        if status not in EXPECTED:
            self.problems.append(f"{name} ended with status {status}: {_last_words(process.output)}")

    def lose(self, replica: Replica, number: signal.Signals = signal.SIGKILL) -> None:
        """End a replica for good: nobody starts it again."""
        self.replicas.remove(replica)
        replica.process.signal(number)
        replica.process.wait(END_S_MAX)
        self._note(replica.name, replica.process)

    def freeze(self, replica: Replica, seconds: float) -> None:
        """Stop the replica for a while."""
        replica.process.signal(signal.SIGSTOP)
        replica.frozen_until = time.monotonic() + seconds

    def replace(self, replica: Replica, seconds: float) -> None:
        """Stop the replica and start another process in its place; when the first wakes up it must be turned away."""
        replica.process.signal(signal.SIGSTOP)
        self.zombies.append(Zombie(replica.name, replica.process, time.monotonic() + seconds))
        replica.process = self._process(replica.service, replica.instance)

    def _see_off(self, zombie: Zombie, now: float) -> None:
        if not zombie.awake and now >= zombie.wakes_at:
            zombie.process.signal(signal.SIGCONT)
            zombie.awake = True
        status = zombie.process.status
        if status is None:
            if now > zombie.wakes_at + FENCED_S_MAX:
                self.problems.append(f"{zombie.name}: a zombie went on for {FENCED_S_MAX:g} s beside its successor")
                zombie.process.signal(signal.SIGKILL)
            return
        self.zombies.remove(zombie)
        self.fenced += status == EXIT_LOG
        self._note(zombie.name, zombie.process)

    def wake_all(self) -> None:
        """Let everything go on that is frozen."""
        for replica in self.replicas:
            replica.frozen_until = None if replica.frozen_until is None else 0.0
        for zombie in self.zombies:
            zombie.wakes_at = min(zombie.wakes_at, time.monotonic())
        self.tend()

    def end(self) -> None:
        """End all replicas in good order; whoever does not end so is a problem."""
        for replica in self.replicas:
            replica.process.signal(signal.SIGTERM)
        for replica in self.replicas:
            try:
                replica.process.wait(END_S_MAX)
                self._note(replica.name, replica.process)
            except subprocess.TimeoutExpired:
                self.problems.append(f"{replica.name} did not end within {END_S_MAX:g} s of SIGTERM")
        self.kill()

    def kill(self) -> None:
        """End whatever still runs."""
        for process in [*(one.process for one in self.replicas), *(one.process for one in self.zombies)]:
            if process.status is None:
                process.signal(signal.SIGKILL)
                process.wait(END_S_MAX)

    def events(self) -> Counter[str]:
        """How often the services have logged what."""
        counts: Counter[str] = Counter()
        for output in sorted(self.folder.glob("*.log")):
            found = re.findall(r'"event": ?"([a-z.]+)"', output.read_text(errors="replace"))
            counts.update(f"{output.name.partition('-')[0]} {event}" for event in found)
        return counts


def _reason(output: Path) -> str:
    """Why it says it ended, without what differs from one time to the next."""
    last = _last_words(output).rpartition(" | ")[2]
    return re.sub(r"kafka://\S+|\d+(\.\d+)*(:\d+)?", "...", last)[:160].replace("|", "/")


def _last_words(output: Path) -> str:
    lines = [line for line in output.read_text(errors="replace").splitlines() if not line.startswith("{")]
    return " | ".join(lines[-4:])[-600:]
