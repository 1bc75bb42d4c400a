"""A stress test: several processes on one file, random faults, and checks during the run and after it."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from newsloom.streaming.log import Log
from newsloom.streaming.records import TopicPartition
from tests.conformance.clients import read_all
from tests.kafka.broker import wait_until
from tests.sqlite_faults.stress_roles import GROUP, KEYS, PARTITIONS, SPECS, open_fast

Roles = tuple[tuple[str, str], ...]
"""Role and name of each process."""
ROLES: Final[Roles] = (
    ("feeder", "f1"),
    ("feeder", "f2"),
    ("copier", "a"),
    ("copier", "b"),
    ("copier", "c"),
    ("reader", "r"),
)
FAULTS: Final = ("kill", "kill", "kill", "freeze", "twin", "zombie")
PAUSE_S_MAX: Final = 0.25
END_S_MAX: Final = 90.0
EXIT_LOG: Final = 75


@dataclass
class Observations:
    """The reports of all processes. Work that was reported as done must never be lost."""

    written: dict[str, int] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    copied: Counter[int] = field(default_factory=Counter)
    seen: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    exits: list[str] = field(default_factory=list)

    def add(self, role: str, name: str, line: str) -> None:
        word, *rest = line.split()
        if word == "exit":
            self.exits.append(line)
        elif word == "saw":
            partition, offset, check = map(int, rest)
            self.seen.setdefault((partition, offset), set()).add(check)
        elif role == "copier":
            partition, offset = map(int, rest)
            self.copied[partition] = max(self.copied[partition], offset)
        else:
            numbers = self.written if word == "done" else self.tried
            numbers[name] = max(numbers.get(name, 0), int(rest[0]))


class StressProcess:
    """A process, and a thread that reads its reports."""

    def __init__(self, url: str, role: str, name: str, observations: Observations) -> None:
        self.role, self.name = role, name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.sqlite_faults.stress_roles", url, role, name],
            cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._observations = observations
        self._reported = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            # Ignore a line that was cut off by a kill.
            if line.endswith("\n"):
                self._observations.add(self.role, self.name, line)
                self._reported.set()

    def has_reported(self) -> bool:
        return self._reported.is_set()

    def ended(self) -> bool:
        return self._process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals) -> None:
        """Send the signal and wait for the end; fail if the process ended with an error of its own."""
        self.send(number)
        self.wait(number)

    def wait(self, number: signal.Signals | None = None) -> None:
        status = self._process.wait(END_S_MAX)
        self._reader.join(END_S_MAX)
        assert self._process.stderr is not None
        errors = self._process.stderr.read()
        allowed = {0, EXIT_LOG, -signal.SIGKILL, -signal.SIGTERM} if number is not None else {EXIT_LOG}
        assert status in allowed, f"{self.role} {self.name} ended with {status}: {errors}"
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


@dataclass
class StressRun:
    """A run on one log: call `inject_fault` any number of times, then `end`, then `check`."""

    url: str
    seed: int
    roles: Roles = ROLES
    observations: Observations = field(default_factory=Observations)
    processes: list[StressProcess] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - not for security
        self._log = open_fast(self.url)
        self._log.admin().create(SPECS)
        self.processes = [self._start(role, name) for role, name in self.roles]

    def _start(self, role: str, name: str) -> StressProcess:
        return StressProcess(self.url, role, name, self.observations)

    def inject_fault(self) -> None:
        """Inject one random fault into a running process; start another one if it ends."""
        process = self._random.choice(self.processes)
        wait_until(
            lambda: process.has_reported() or process.ended(), END_S_MAX, f"{process.role} {process.name} to work"
        )
        # A fault hits at any time: wait a random time, not for a condition.
        threading.Event().wait(self._random.uniform(0, PAUSE_S_MAX))
        fault = self._random.choice(FAULTS) if process.role != "reader" else "kill"
        self.counts[fault] += 1
        if fault == "kill":
            process.end(signal.SIGKILL)
            self._check_reported()
            self._replace(process)
        elif fault == "freeze":
            process.send(signal.SIGSTOP)
            threading.Event().wait(self._random.uniform(0, 4 * PAUSE_S_MAX))
            process.send(signal.SIGCONT)
        else:
            self._take_identity(process, frozen=fault == "zombie")

    def _take_identity(self, process: StressProcess, *, frozen: bool) -> None:
        """Start another process of the same name, and check that the older one is fenced."""
        if frozen:
            process.send(signal.SIGSTOP)
            # If it holds the lock, resume it: its successor would wait for the lock for too long.
            if not self._can_write():
                process.send(signal.SIGCONT)
                self.counts["frozen holding the lock"] += 1
        newer = self._replace(process)
        wait_until(
            lambda: newer.has_reported() or newer.ended(), END_S_MAX, f"the new {process.role} {process.name} to work"
        )
        process.send(signal.SIGCONT)
        process.wait()

    def _can_write(self) -> bool:
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=0.2, isolation_level=None)) as sql:
            try:
                sql.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            sql.execute("ROLLBACK")
            return True

    def _replace(self, process: StressProcess) -> StressProcess:
        self.processes[self.processes.index(process)] = started = self._start(process.role, process.name)
        return started

    def _check_reported(self) -> None:
        """Check that everything that was reported as done is in the log."""
        copied, written = dict(self.observations.copied), dict(self.observations.written)
        admin = self._log.admin()
        ends, committed = admin.end_offsets(["out"]), admin.committed_offsets(GROUP, ["in"])
        for partition, offset in copied.items():
            assert ends[TopicPartition("out", partition)] >= offset
            assert committed[TopicPartition("in", partition)] >= offset
        ins = admin.end_offsets(["in"])
        for partition in range(PARTITIONS):
            assert ins[TopicPartition("in", partition)] >= sum(written.values())

    def end(self) -> None:
        """Stop the feeders and readers, wait until everything is copied, and stop the copiers."""
        wait_until(lambda: self._deleted() > 0, END_S_MAX, "some records to be compacted or to expire")
        for process in self.processes:
            if process.role != "copier":
                process.end(signal.SIGTERM)
        backlog = self._log.admin().backlog
        wait_until(lambda: backlog(GROUP, ["in"]) == 0, END_S_MAX, "the copiers to finish")
        for process in self.processes:
            if process.role == "copier":
                assert not process.ended()
                process.end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill all running processes."""
        for process in self.processes:
            if not process.ended():
                process.end(signal.SIGKILL)
        self._log.close()

    def check(self) -> None:
        """Check that each record was copied once, in order, as reported, and that the file is intact."""
        fed = [inputs(self._log, partition) for partition in range(PARTITIONS)]
        out = read_all(self._log, "out", PARTITIONS)
        for partition, values in enumerate(fed):
            self._check_fed(values)
            copies = [record.value or b"" for record in out if record.partition == partition]
            assert copies == values
            self._check_seen(partition, copies)
            self._check_counts(partition, len(values))
        noise = [record.offset for record in read_all(self._log, "noise")]
        assert noise == list(range(noise[0], noise[0] + len(noise))) if noise else True
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as sql:
            assert sql.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    def _check_fed(self, values: list[bytes]) -> None:
        for name, number in self.observations.tried.items():
            numbers = [int(value.split()[1]) for value in values if value.startswith(name.encode())]
            assert numbers == list(range(1, len(numbers) + 1))
            # The last one may have been committed before the feeder was killed.
            assert self.observations.written[name] <= len(numbers) <= number

    def _check_seen(self, partition: int, copies: list[bytes]) -> None:
        check = 0
        for offset, value in enumerate(copies):
            check = zlib.crc32(value, check)
            assert self.observations.seen.get((partition, offset), {check}) == {check}, "a reader has seen other values"

    def _check_counts(self, partition: int, copied: int) -> None:
        records = [record for record in read_all(self._log, "count", PARTITIONS) if record.partition == partition]
        latest = {record.key: int(record.value or b"") for record in records}
        assert latest == {b"key %d" % key: len(range(key, copied, KEYS)) for key in range(min(KEYS, copied))}

    def _deleted(self) -> int:
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as sql:
            deleted: int = sql.execute("SELECT SUM(deleted) FROM partitions").fetchone()[0]
            return deleted


def inputs(log: Log, partition: int) -> list[bytes]:
    """Return the values of this partition of `in`."""
    return [record.value or b"" for record in read_all(log, "in", PARTITIONS) if record.partition == partition]
