"""Files that are not a log, and full disks, are reported in one line."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.clients import numbered, put, read_all


def write_text_file(path: Path) -> None:
    path.write_bytes(b"this is not a database, " * 100)


def create_other_database(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")


def create_newer_log(path: Path) -> None:
    open_sqlite(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 999")


def create_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (write_text_file, "no database"),
        (create_other_database, "another program's database"),
        (create_newer_log, "upgrade"),
        (create_folder, "can be written"),
    ],
)
def test_a_file_that_is_not_a_log_is_refused_and_not_changed(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "log.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else None

    with pytest.raises(ConfigurationError, match=reason) as error:
        open_log_url(f"sqlite:///{path}")

    assert "NEWSLOOM_LOG" in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "log.db"
    with pytest.raises(ConfigurationError, match=rf"NEWSLOOM_LOG.*{path}.*create the folder"):
        open_sqlite(f"sqlite:///{path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    open_sqlite(f"sqlite:///{path}").close()
    path.chmod(0o444)
    with pytest.raises(ConfigurationError, match=rf"NEWSLOOM_LOG.*{path}.*can be written"):
        open_sqlite(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://relative.db", "sqlite:///folder/", "sqlite:relative.db"])
def test_the_error_for_a_url_without_a_file_shows_valid_urls(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sqlite:///relative\.db"):
        open_sqlite(url)


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_log_url("sqlite:///log?#%20.db").close()
    assert (tmp_path / "log?#%20.db").is_file()


def test_a_log_can_be_reopened(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    first = open_sqlite(url)
    first.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
    put(first, numbered("in", 3))
    first.close()
    assert len(read_all(open_sqlite(url), "in")) == 3


FULL_DISK = """
import resource, sys
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.errors import CommitFailed, ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.records import Message

log = open_sqlite(sys.argv[1])
log.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
writer = log.writer("feeder")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
position = 0
try:
    while position < 1000:
        writer.write([Message("in", b"k", bytes(50_000))], Progress(position + 1))
        position += 1
except CommitFailed as error:
    print(error)
assert 0 < position < 1000, position
assert writer.progress() == Progress(position)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
writer.write([Message("in", b"k", b"room again")], Progress(position + 1))
assert log.admin().end_offsets(["in"]) == {("in", 0): position + 1}
"""


def test_a_full_disk_fails_the_commit_until_there_is_space(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, url], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert str(tmp_path) in run.stdout
    assert read_all(open_sqlite(url), "in")[-1].value == b"room again"


def test_a_missing_file_is_not_created_by_a_reader(tmp_path: Path) -> None:
    file = tmp_path / "mistyped.db"
    with pytest.raises(ConfigurationError, match=r"mistyped\.db does not exist: correct the path, or"):
        open_sqlite(f"sqlite:///{file}", create=False)
    assert not file.exists()
    open_sqlite(f"sqlite:///{file}").close()
    open_sqlite(f"sqlite:///{file}", create=False).close()


def test_a_new_log_can_be_read_and_locked_by_its_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        log = open_sqlite(f"sqlite:///{tmp_path / 'log.db'}")
        log.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
        # SQLite deletes its other two files when the last connection is closed.
        writer = log.writer("writer")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"log.db": 0o600, "log.db-wal": 0o600, "log.db-shm": 0o600}
    writer.close()
    log.close()


LOCK = """
import sqlite3, sys
sqlite3.connect(f"file:{sys.argv[1]}?mode=rw", uri=True, timeout=0).execute("BEGIN IMMEDIATE")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="run as root to try it as another user")
def test_another_user_can_neither_read_nor_lock_a_log() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "log.db"
        log = open_sqlite(f"sqlite:///{path}")
        log.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
        locked = subprocess.run(
            ["/usr/bin/env", "python3", "-c", LOCK, str(path)],
            check=False,
            user="nobody",
            group="nogroup",
            capture_output=True,
        )
        assert b"unable to open database file" in locked.stderr
        put(log, numbered("in", 1))
        log.close()
