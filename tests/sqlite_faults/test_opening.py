"""Opening and closing the file of a log: sync at each commit, write-ahead log, rights."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.records import Message, TopicPartition
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.sqlite.connection import Connection
from tests.conformance.clients import put, read_all

ROOT = Path(__file__).parents[2]
FULL = 2


def test_every_connection_syncs_each_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connect_recorded(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", connect_recorded)
    log = open_sqlite(f"sqlite:///{tmp_path}/log.db")
    admin = log.admin()
    admin.create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
    del opened[0]  # the connection of the opening is closed again
    users = [log.worker(group="g", instance="a", topics=["in"]), log.writer("w"), admin]
    users.append(log.reader([TopicPartition("in", 0)], start="earliest"))
    assert len(opened) == len(users)
    for sql in opened:
        assert sql.execute("PRAGMA synchronous").fetchone() == (FULL,)
        assert sql.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    log.close()


WRITER = """
import sys
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.records import Message

log = open_sqlite(sys.argv[1])
log.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
writer = log.writer("writer")
for position in range(5):
    writer.write([Message("in", None, bytes(10_000))], Progress(position))
    print("acknowledged", flush=True)
"""
CALL = re.compile(r"(?:\[pid +\d+\] )?(pwrite64|write|fsync|fdatasync)\(\d+<([^>]*)>(?:, \"([^\"]*))?")


def test_acknowledged_writes_are_synced(tmp_path: Path) -> None:
    """By the system calls: each write to a file of the log is followed by a sync before the acknowledgement."""
    calls = tmp_path / "calls"
    strace = ["strace", "-f", "-y", "-o", str(calls), "-e", "trace=pwrite64,write,fsync,fdatasync"]
    command = [*strace, sys.executable, "-c", WRITER, f"sqlite:///{tmp_path}/log.db"]
    if shutil.which("strace") is None or subprocess.run([*strace, "true"], check=False, timeout=60).returncode != 0:
        pytest.skip("needs strace, and the right to use it")
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, stdout=(tmp_path / "output").open("w"))

    unsynced: set[str] = set()
    acknowledged = synced = 0
    for line in calls.read_text().splitlines():
        match = re.search(CALL, line)
        if match is None:
            continue
        call, path, text = match.groups()
        if call in {"fsync", "fdatasync"}:
            synced += path in unsynced
            unsynced.discard(path)
        elif path.endswith(("log.db", "log.db-wal")):
            unsynced.add(path)
        elif text and text.startswith("acknowledged"):
            acknowledged += 1
            assert not unsynced, f"acknowledged before {unsynced} was synced"
    assert acknowledged == 5
    assert synced > 5


def test_the_error_without_support_for_a_write_ahead_log(tmp_path: Path) -> None:
    """SQLite's file system without shared memory stands for some network file systems."""
    sql = sqlite3.connect(f"file:{tmp_path}/log.db?vfs=unix-none", uri=True, isolation_level=None)
    with closing(Connection(sql, threading.RLock(), "NEWSLOOM_LOG: log.db", shared=False)) as connection:
        with connection.write() as writing:
            writing.execute("CREATE TABLE anything (x)")
        with pytest.raises(
            ConfigurationError, match=r"NEWSLOOM_LOG: log\.db is on a file system without support for a write-ahead log"
        ):
            connection.use_write_ahead_log()


OPEN = "import sys; from newsloom.streaming.sqlite import open_sqlite; open_sqlite(sys.argv[1])"


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_read_only_file_or_folder_is_named(tmp_path: Path, closed: str) -> None:
    """Also to root, if it gives up its right to write everywhere."""
    file = tmp_path / "logs" / "log.db"
    file.parent.mkdir()
    open_sqlite(f"sqlite:///{file}").close()
    (file if closed == "file" else file.parent).chmod(0o444 if closed == "file" else 0o555)
    rights = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if rights and shutil.which(rights[0]) is None:
        pytest.skip("root needs setpriv to give up its rights")

    run = subprocess.run(
        [*rights, sys.executable, "-c", OPEN, f"sqlite:///{file}"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    file.parent.chmod(0o755)
    last = run.stderr.splitlines()[-1]
    assert last.startswith(f"newsloom.streaming.errors.ConfigurationError: NEWSLOOM_LOG: {file} is read-only")
    assert "name a file and a folder that can be written" in last


def test_closing_the_log_moves_everything_to_one_file(tmp_path: Path) -> None:
    file = tmp_path / "log.db"
    log = open_sqlite(f"sqlite:///{file}")
    log.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])  # dropped without being closed
    put(log, [Message("in", None, b"value")])
    writer = log.writer("writer")
    writer.write([], Progress(1))
    assert file.with_name("log.db-wal").exists()
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == ["log.db"]
    with closing(open_sqlite(f"sqlite:///{file}")) as again:
        assert len(read_all(again, "in")) == 1
