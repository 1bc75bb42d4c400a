"""Replicas of both services, and a supervisor that restarts each one when it ends."""

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
"""A zombie that resumes may first have to notice that its broker is away."""
END_S_MAX: Final = 90.0
REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
MODULES: Final = {"embedder": "tests.chaos.embedder", "clusterer": "services.clusterer"}
EXPECTED: Final = frozenset({0, EXIT_LOG, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGUSR1})
"""Statuses with which a replica may end: stopped, fenced or without a log, killed. The last two: signals at the very start or
end of the process, where it has no handler for them."""


class Process:
    """One process of a replica."""

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
    """A member of a service's group, by its instance: one process after another."""

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
    """A frozen process whose instance name another process has taken."""

    name: str
    process: Process
    resumes_at: float
    is_resumed: bool = False


@dataclass
class ReplicaSupervisor:
    """Supervises all replicas. Call `check` often: it restarts processes and resumes frozen ones."""

    environ: Mapping[str, str]
    folder: Path
    replicas: list[Replica] = field(default_factory=list)
    zombies: list[Zombie] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    fenced: int = 0

    def add(self, service: str, instance: str) -> Replica:
        """Start another replica."""
        replica = Replica(service, instance, self._process(service, instance))
        self.replicas.append(replica)
        return replica

    def _process(self, service: str, instance: str) -> Process:
        environ = {**os.environ, **self.environ, "NEWSLOOM_INSTANCE": instance}
        return Process(service, environ, self.folder / f"{service}-{instance}.log")

    def check(self) -> None:
        """Restart ended processes, resume processes whose freeze is over, and check that zombies end."""
        now = time.monotonic()
        for replica in self.replicas:
            if replica.frozen_until is not None and now >= replica.frozen_until:
                replica.process.signal(signal.SIGCONT)
                replica.frozen_until = None
            if replica.process.status is not None:
                replica.ended_at = replica.ended_at or now
                if now >= replica.ended_at + RESTART_S:
                    self._restart(replica)
        for zombie in list(self.zombies):
            self._check_zombie(zombie, now)

    def _restart(self, replica: Replica) -> None:
        self._record_status(replica.name, replica.process)
        replica.ended_at = replica.frozen_until = None
        replica.process = self._process(replica.service, replica.instance)

    def _record_status(self, name: str, process: Process) -> None:
        status = process.wait(0)
        reason = f": {_reason(process.output)}" if status == EXIT_LOG else ""
        self.statuses[f"{name.partition('-')[0]} {status}{reason}"] += 1
        if status not in EXPECTED:
            self.problems.append(f"{name} ended with status {status}: {_last_lines(process.output)}")

    def remove(self, replica: Replica, number: signal.Signals = signal.SIGKILL) -> None:
        """End a replica for good, without a restart."""
        self.replicas.remove(replica)
        replica.process.signal(number)
        replica.process.wait(END_S_MAX)
        self._record_status(replica.name, replica.process)

    def freeze(self, replica: Replica, seconds: float) -> None:
        """Suspend the replica for a while."""
        replica.process.signal(signal.SIGSTOP)
        replica.frozen_until = time.monotonic() + seconds

    def replace(self, replica: Replica, seconds: float) -> None:
        """Suspend the replica and start another process under its name. The first must be fenced when it resumes."""
        replica.process.signal(signal.SIGSTOP)
        self.zombies.append(Zombie(replica.name, replica.process, time.monotonic() + seconds))
        replica.process = self._process(replica.service, replica.instance)

    def _check_zombie(self, zombie: Zombie, now: float) -> None:
        if not zombie.is_resumed and now >= zombie.resumes_at:
            zombie.process.signal(signal.SIGCONT)
            zombie.is_resumed = True
        status = zombie.process.status
        if status is None:
            if now > zombie.resumes_at + FENCED_S_MAX:
                self.problems.append(f"{zombie.name}: a zombie was not fenced within {FENCED_S_MAX:g} s")
                zombie.process.signal(signal.SIGKILL)
            return
        self.zombies.remove(zombie)
        self.fenced += status == EXIT_LOG
        self._record_status(zombie.name, zombie.process)

    def resume_all(self) -> None:
        """Resume everything that is frozen."""
        for replica in self.replicas:
            replica.frozen_until = None if replica.frozen_until is None else 0.0
        for zombie in self.zombies:
            zombie.resumes_at = min(zombie.resumes_at, time.monotonic())
        self.check()

    def stop_all(self) -> None:
        """Stop all replicas with SIGTERM; one that does not end is a problem."""
        for replica in self.replicas:
            replica.process.signal(signal.SIGTERM)
        for replica in self.replicas:
            try:
                replica.process.wait(END_S_MAX)
                self._record_status(replica.name, replica.process)
            except subprocess.TimeoutExpired:
                self.problems.append(f"{replica.name} did not end within {END_S_MAX:g} s of SIGTERM")
        self.kill_all()

    def kill_all(self) -> None:
        """Kill every process that still runs."""
        for process in [*(one.process for one in self.replicas), *(one.process for one in self.zombies)]:
            if process.status is None:
                process.signal(signal.SIGKILL)
                process.wait(END_S_MAX)

    def events(self) -> Counter[str]:
        """Count the services' log events by service and event name."""
        counts: Counter[str] = Counter()
        for output in sorted(self.folder.glob("*.log")):
            found = re.findall(r'"event": ?"([a-z.]+)"', output.read_text(errors="replace"))
            counts.update(f"{output.name.partition('-')[0]} {event}" for event in found)
        return counts


def _reason(output: Path) -> str:
    """Return the last line of a process, with its addresses and numbers replaced."""
    last = _last_lines(output).rpartition(" | ")[2]
    return re.sub(r"kafka://\S+|\d+(\.\d+)*(:\d+)?", "...", last)[:160].replace("|", "/")


def _last_lines(output: Path) -> str:
    lines = output.read_text(errors="replace").splitlines()
    lines = [line for line in lines if not line.startswith("{") or '"service.failed"' in line]
    return " | ".join(lines[-4:])[-600:]
