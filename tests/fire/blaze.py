"""Several processes on one file under blows, and what must hold meanwhile and afterwards."""

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
from tests.fire.players import GROUP, KEYS, PARTITIONS, SPECS, open_fast
from tests.kafka.broker import wait_until

Cast = tuple[tuple[str, str], ...]
"""Roles and names."""
PLAYERS: Final[Cast] = (
    ("feeder", "f1"),
    ("feeder", "f2"),
    ("copier", "a"),
    ("copier", "b"),
    ("copier", "c"),
    ("reader", "r"),
)
BLOWS: Final = ("kill", "kill", "kill", "freeze", "twin", "zombie")
PAUSE_S_MAX: Final = 0.25
END_S_MAX: Final = 90.0
LEFT: Final = 75


@dataclass
class Known:
    """What the processes have said: what is done must never be undone."""

    written: dict[str, int] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    copied: Counter[int] = field(default_factory=Counter)
    seen: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def hear(self, role: str, name: str, line: str) -> None:
        word, *rest = line.split()
        if word == "left":
            self.left.append(line)
        elif word == "saw":
            partition, offset, check = map(int, rest)
            self.seen.setdefault((partition, offset), set()).add(check)
        elif role == "copier":
            partition, offset = map(int, rest)
            self.copied[partition] = max(self.copied[partition], offset)
        else:
            numbers = self.written if word == "done" else self.tried
            numbers[name] = max(numbers.get(name, 0), int(rest[0]))


class Player:
    """A process, and a thread that listens to it."""

    def __init__(self, url: str, role: str, name: str, known: Known) -> None:
        self.role, self.name = role, name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fire.players", url, role, name],
            cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._known = known
        self._heard = threading.Event()
        self._listener = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._listener.start()

    def _listen(self, lines: IO[str]) -> None:
        for line in lines:
            # What a kill cut off was not said.
            if line.endswith("\n"):
                self._known.hear(self.role, self.name, line)
                self._heard.set()

    def has_spoken(self) -> bool:
        return self._heard.is_set()

    def ended(self) -> bool:
        return self._process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals) -> None:
        """Send the signal, wait, and hear the last words; an error of its own fails."""
        self.send(number)
        self.wait(number)

    def wait(self, number: signal.Signals | None = None) -> None:
        status = self._process.wait(END_S_MAX)
        self._listener.join(END_S_MAX)
        assert self._process.stderr is not None
        words = self._process.stderr.read()
        allowed = {0, LEFT, -signal.SIGKILL, -signal.SIGTERM} if number is not None else {LEFT}
        assert status in allowed, f"{self.role} {self.name} ended with {status}: {words}"
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


@dataclass
class Blaze:
    """A log on fire: `strike` as often as wanted, then `end`, then `check`."""

    url: str
    seed: int
    cast: Cast = PLAYERS
    known: Known = field(default_factory=Known)
    players: list[Player] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - nothing secret
        self._log = open_fast(self.url)
        self._log.admin().create(SPECS)
        self.players = [self._start(role, name) for role, name in self.cast]

    def _start(self, role: str, name: str) -> Player:
        return Player(self.url, role, name, self.known)

    def strike(self) -> None:
        """One blow to a process at work; somebody else is in its place then."""
        player = self._chance.choice(self.players)
        wait_until(lambda: player.has_spoken() or player.ended(), END_S_MAX, f"{player.role} {player.name} to work")
        # A crash waits for no condition.
        threading.Event().wait(self._chance.uniform(0, PAUSE_S_MAX))
        blow = self._chance.choice(BLOWS) if player.role != "reader" else "kill"
        self.counts[blow] += 1
        if blow == "kill":
            player.end(signal.SIGKILL)
            self._check_known()
            self._replace(player)
        elif blow == "freeze":
            player.send(signal.SIGSTOP)
            threading.Event().wait(self._chance.uniform(0, 4 * PAUSE_S_MAX))
            player.send(signal.SIGCONT)
        else:
            self._take_identity(player, frozen=blow == "zombie")

    def _take_identity(self, player: Player, *, frozen: bool) -> None:
        """Another process of the same name; the older one must be turned away."""
        if frozen:
            player.send(signal.SIGSTOP)
            # It may hold the lock: its successor would wait for it for longer than a test should take.
            if not self._can_write():
                player.send(signal.SIGCONT)
                self.counts["frozen holding the lock"] += 1
        twin = self._replace(player)
        wait_until(lambda: twin.has_spoken() or twin.ended(), END_S_MAX, f"the new {player.role} {player.name} to work")
        player.send(signal.SIGCONT)
        player.wait()

    def _can_write(self) -> bool:
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=0.2, isolation_level=None)) as sql:
            try:
                sql.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            sql.execute("ROLLBACK")
            return True

    def _replace(self, player: Player) -> Player:
        self.players[self.players.index(player)] = started = self._start(player.role, player.name)
        return started

    def _check_known(self) -> None:
        """What anybody was told to be done, stands."""
        copied, written = dict(self.known.copied), dict(self.known.written)
        admin = self._log.admin()
        ends, committed = admin.end_offsets(["out"]), admin.committed_offsets(GROUP, ["in"])
        for partition, offset in copied.items():
            assert ends[TopicPartition("out", partition)] >= offset
            assert committed[TopicPartition("in", partition)] >= offset
        ins = admin.end_offsets(["in"])
        for partition in range(PARTITIONS):
            assert ins[TopicPartition("in", partition)] >= sum(written.values())

    def end(self) -> None:
        """Peace: nothing new comes in, and all there is is copied."""
        wait_until(lambda: self._deleted() > 0, END_S_MAX, "something to be compacted or forgotten")
        for player in self.players:
            if player.role != "copier":
                player.end(signal.SIGTERM)
        backlog = self._log.admin().backlog
        wait_until(lambda: backlog(GROUP, ["in"]) == 0, END_S_MAX, "the copiers to finish")
        for player in self.players:
            if player.role == "copier":
                assert not player.ended()
                player.end(signal.SIGTERM)

    def kill(self) -> None:
        """End whatever still runs."""
        for player in self.players:
            if not player.ended():
                player.end(signal.SIGKILL)
        self._log.close()

    def check(self) -> None:
        """Everything once, in order, as it was said and seen; and the file is sound."""
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
        for name, number in self.known.tried.items():
            numbers = [int(value.split()[1]) for value in values if value.startswith(name.encode())]
            assert numbers == list(range(1, len(numbers) + 1))
            # One more may have gone through, of which the feeder did not live to tell.
            assert self.known.written[name] <= len(numbers) <= number

    def _check_seen(self, partition: int, copies: list[bytes]) -> None:
        check = 0
        for offset, value in enumerate(copies):
            check = zlib.crc32(value, check)
            assert self.known.seen.get((partition, offset), {check}) == {check}, "somebody has seen something else"

    def _check_counts(self, partition: int, copied: int) -> None:
        records = [record for record in read_all(self._log, "count", PARTITIONS) if record.partition == partition]
        latest = {record.key: int(record.value or b"") for record in records}
        assert latest == {b"key %d" % key: len(range(key, copied, KEYS)) for key in range(min(KEYS, copied))}

    def _deleted(self) -> int:
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as sql:
            deleted: int = sql.execute("SELECT SUM(deleted) FROM partitions").fetchone()[0]
            return deleted


def inputs(log: Log, partition: int) -> list[bytes]:
    """What stands in this partition of `in`."""
    return [record.value or b"" for record in read_all(log, "in", PARTITIONS) if record.partition == partition]
