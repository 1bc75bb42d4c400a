"""Processes that are stopped at a critical point, and processes that wait for them or replace them."""

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
from tests.sqlite_faults.stopped_process import GROUP, SESSION_MS

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
    """A function that starts a process in a role and returns it when it is stopped."""
    running: list[subprocess.Popen[str]] = []

    def start(role: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.sqlite_faults.stopped_process", url, role]
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        running.append(process)
        state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert state is not None
        assert state.si_code == os.CLD_STOPPED, "it ended without being stopped"
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def resume(process: subprocess.Popen[str]) -> str:
    """Resume the process and return its output."""
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=END_S_MAX)
    assert process.returncode == 0
    return output.strip()


def test_a_reader_does_not_wait_for_the_lock(url: str, log: Log, stopped: Start) -> None:
    holder = stopped("holder")
    begun = time.monotonic()

    another = open_sqlite(url, create=False)
    assert values(read_all(another, "in")) == [b"0", b"1", b"2"]
    assert another.admin().backlog(GROUP, ["in"]) == 3
    another.close()

    # Not a test of speed: a call that waits for the lock waits for the whole timeout.
    assert time.monotonic() - begun < BUSY_TIMEOUT_MS / 1000
    assert resume(holder) == "done"
    assert values(read_all(log, "in")) == [b"0", b"1", b"2", b"held"]


def test_a_process_killed_with_the_lock_releases_it_and_writes_nothing(log: Log, stopped: Start) -> None:
    holder = stopped("holder")
    holder.kill()
    put(log, [Message("in", None, b"next")])
    assert values(read_all(log, "in")) == [b"0", b"1", b"2", b"next"]
    assert log.writer("holder").progress() is None


def test_a_stopped_reader_blocks_no_other_process(log: Log, stopped: Start) -> None:
    reader = stopped("reader")
    put(log, [Message("in", None, b"next")])
    assert len(Member(log, GROUP, ["in"], instance="b").take(4)) == 4
    assert resume(reader) == "done"


@pytest.mark.slow
def test_waiting_for_a_lock_ends_with_an_error_and_the_process_continues_later(log: Log, stopped: Start) -> None:
    member, writer = Member(log, GROUP, ["in"]), log.writer("feeder")
    batch = member.batch()
    sleeper = Member(log, "others", ["in"])
    holder = stopped("holder")

    def poll_until_error() -> None:
        for _ in steps("a poll that fails"):
            sleeper.poll()

    reason = r"log\.db: another process has kept it locked for 30 s; is one stopped or hanging\?"
    waiting = (
        (lambda: writer.write([Message("in", None, b"next")], Progress(1)), CommitFailed),
        (lambda: member.worker.commit(batch, [Message("out", None, b"once")]), CommitFailed),
        (lambda: log.worker(group=GROUP, instance="b", topics=["in"]), LogUnavailable),
        (poll_until_error, LogUnavailable),  # until the session has to be renewed
    )

    def refused(use: Callable[[], object], error: type[LogError]) -> None:
        with pytest.raises(error, match=reason):
            use()

    with ThreadPoolExecutor(len(waiting)) as threads:
        refusals = [threads.submit(refused, *way) for way in waiting]
        for refusal in refusals:
            refusal.result(timeout=BUSY_TIMEOUT_MS / 1000 + END_S_MAX)

    assert resume(holder) == "done"
    assert writer.progress() is None
    writer.write([Message("in", None, b"next")], Progress(1))
    assert values(member.take(5, lambda record: [Message("out", None, record.value)])) == values(read_all(log, "out"))
    assert values(read_all(log, "out")) == [b"0", b"1", b"2", b"held", b"next"]


def copy_all(log: Log, instance: str) -> Member:
    """Join as another member, and copy all records as soon as it gets the partition."""
    member = Member(log, GROUP, ["in"], instance=instance)
    member.take(3, lambda record: [Message("out", record.key, record.value)])
    return member


def test_a_late_commit_is_refused_after_the_partition_was_reassigned(log: Log, stopped: Start) -> None:
    zombie = stopped("zombie")
    copy_all(log, "b")
    line = resume(zombie)
    assert line == "CommitFailed: instance a of group group did not poll or commit within its session timeout (300 ms)"
    assert values(read_all(log, "out")) == [b"0", b"1", b"2"]


@pytest.mark.parametrize("role", ["zombie", "sleeper"])
def test_a_late_process_is_fenced_after_its_instance_was_replaced(log: Log, stopped: Start, role: str) -> None:
    zombie = stopped(role)
    copy_all(log, "a")
    line = resume(zombie)
    assert line == (
        "Fenced: another process has joined as instance a of group group: two processes must not share an instance name"
    )
    assert values(read_all(log, "out")) == [b"0", b"1", b"2"]
