"""Processes that stand still at the worst moment, and those that wait for them or take their place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from newsloom.streaming.errors import CommitFailed, LogError, LogUnavailable
from newsloom.streaming.log import CleanupPolicy, Log, Progress, TopicSpec
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.sqlite.connection import BUSY_TIMEOUT_MS
from tests.conformance.clients import Member, numbered, put, read_all, steps, values
from tests.fire.actor import GROUP, SESSION_MS

Start = Callable[[str], "subprocess.Popen[str]"]

END_S_MAX = 60.0


@pytest.fixture
def url(quick_folder: Path) -> str:
    return f"sqlite:///{quick_folder}/log.db"


@pytest.fixture
def log(url: str) -> Iterator[Log]:
    log = open_sqlite(url, session_timeout_ms=SESSION_MS)
    log.admin().create([TopicSpec(name, 1, CleanupPolicy.DELETE) for name in ("in", "out")])
    put(log, numbered("in", 3))
    yield log
    log.close()


@pytest.fixture
def stopped(url: str) -> Iterator[Start]:
    """Starts an actor in a role, and returns it as it stands still."""
    running: list[subprocess.Popen[str]] = []

    def start(role: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.fire.actor", url, role]
        actor = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        running.append(actor)
        state = os.waitid(os.P_PID, actor.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert state is not None
        assert state.si_code == os.CLD_STOPPED, "it ended without standing still"
        return actor

    yield start
    for actor in running:
        actor.kill()
        actor.wait()
        assert actor.stdout is not None
        actor.stdout.close()


def wake(actor: subprocess.Popen[str]) -> str:
    """Let it go on; what came of it."""
    actor.send_signal(signal.SIGCONT)
    said, _ = actor.communicate(timeout=END_S_MAX)
    assert actor.returncode == 0
    return said.strip()


def test_who_only_reads_never_waits_for_one_that_holds_the_lock(url: str, log: Log, stopped: Start) -> None:
    holder = stopped("holder")
    begun = time.monotonic()

    another = open_sqlite(url, create=False)
    assert values(read_all(another, "in")) == [b"0", b"1", b"2"]
    assert another.admin().backlog(GROUP, ["in"]) == 3
    another.close()

    # Not speed: whoever waits for the lock waits all of it.
    assert time.monotonic() - begun < BUSY_TIMEOUT_MS / 1000
    assert wake(holder) == "done"
    assert values(read_all(log, "in")) == [b"0", b"1", b"2", b"held"]


def test_who_is_killed_holding_the_lock_leaves_it_and_nothing_else(log: Log, stopped: Start) -> None:
    holder = stopped("holder")
    holder.kill()
    put(log, [Message("in", None, b"next")])
    assert values(read_all(log, "in")) == [b"0", b"1", b"2", b"next"]
    assert log.writer("holder").progress() is None


def test_a_reader_that_stands_still_holds_nobody_up(log: Log, stopped: Start) -> None:
    reader = stopped("reader")
    put(log, [Message("in", None, b"next")])
    assert len(Member(log, GROUP, ["in"], instance="b").take(4)) == 4
    assert wake(reader) == "done"


@pytest.mark.slow
def test_who_waits_for_a_lock_that_is_not_given_back_is_told_so_and_goes_on_afterwards(
    log: Log, stopped: Start
) -> None:
    member, writer = Member(log, GROUP, ["in"]), log.writer("feeder")
    batch = member.batch()
    sleeper = Member(log, "others", ["in"])
    holder = stopped("holder")

    def poll_for_ever() -> None:
        for _ in steps("a poll that fails"):
            sleeper.poll()

    reason = r"log\.db: another process has kept it locked for 30 s; is one stopped or hanging\?"
    waiting = (
        (lambda: writer.write([Message("in", None, b"next")], Progress(1)), CommitFailed),
        (lambda: member.worker.commit(batch, [Message("out", None, b"once")]), CommitFailed),
        (lambda: log.worker(group=GROUP, instance="b", topics=["in"]), LogUnavailable),
        (poll_for_ever, LogUnavailable),  # Sooner or later the session has to be renewed.
    )

    def refused(use: Callable[[], object], error: type[LogError]) -> None:
        with pytest.raises(error, match=reason):
            use()

    with ThreadPoolExecutor(len(waiting)) as threads:
        refusals = [threads.submit(refused, *way) for way in waiting]
        for refusal in refusals:
            refusal.result(timeout=BUSY_TIMEOUT_MS / 1000 + END_S_MAX)

    assert wake(holder) == "done"
    assert writer.progress() is None
    writer.write([Message("in", None, b"next")], Progress(1))
    assert values(member.take(5, lambda record: [Message("out", None, record.value)])) == values(read_all(log, "out"))
    assert values(read_all(log, "out")) == [b"0", b"1", b"2", b"held", b"next"]


def copy_all(log: Log, instance: str) -> Member:
    """Another member takes what there is, as soon as it gets it."""
    member = Member(log, GROUP, ["in"], instance=instance)
    member.take(3, lambda record: [Message("out", record.key, record.value)])
    return member


def test_a_zombie_whose_partition_was_taken_is_refused(log: Log, stopped: Start) -> None:
    zombie = stopped("zombie")
    copy_all(log, "b")
    line = wake(zombie)
    assert line == "CommitFailed: instance a of group group did not poll or commit within its session timeout (300 ms)"
    assert values(read_all(log, "out")) == [b"0", b"1", b"2"]


@pytest.mark.parametrize("role", ["zombie", "sleeper"])
def test_a_zombie_whose_identity_was_taken_is_fenced(log: Log, stopped: Start, role: str) -> None:
    zombie = stopped(role)
    copy_all(log, "a")
    line = wake(zombie)
    assert line == (
        "Fenced: another process has joined as instance a of group group: two processes must not share an instance name"
    )
    assert values(read_all(log, "out")) == [b"0", b"1", b"2"]
