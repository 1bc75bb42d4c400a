"""The story page takes no file but its own: it changes nothing in others, and says in one sentence what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from services.storypage.read_model.file import ModelFile
from tests.unit.storypage.page_process import START_S, PageProcess
from tests.unit.verifier.log_file import LogFile

NOT_OURS = "this is not a story page's file: name another"
LOCK = """
import sys
from pathlib import Path
from newsloom.settings import Settings
from services.storypage.read_model.file import ModelFile

ModelFile(Path(sys.argv[1])).lock(Settings())
"""


def database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as sql:
        sql.executescript("; ".join(("CREATE TABLE notes (text)", *statements)))


def make_lines(path: Path) -> None:
    path.write_text('{"id": "1", "title": "An article"}\n')


def make_long_lines(path: Path) -> None:
    path.write_text('{"id": "1", "title": "An article"}\n' * 100)


def make_database(path: Path) -> None:
    database(path)


def make_database_of_the_same_version(path: Path) -> None:
    database(path, "PRAGMA user_version = 2", "CREATE TABLE source (name, value)")


def make_database_of_another_program(path: Path) -> None:
    database(path, "PRAGMA application_id = 7", "PRAGMA journal_mode = WAL")


OTHERS = [
    make_lines,
    make_long_lines,
    make_database,
    make_database_of_the_same_version,
    make_database_of_another_program,
]


@pytest.mark.parametrize("make", OTHERS)
def test_the_file_of_another_program_is_refused_and_stays(tmp_path: Path, make: object) -> None:
    assert callable(make)
    file = ModelFile(tmp_path / "other")
    make(file.path)
    content = file.path.read_bytes()
    for use in (lambda: file.lock(Settings()), lambda: file.open(Settings(), {}), file.delete):
        with pytest.raises(ConfigurationError) as raised:
            use()
        assert str(raised.value) == f"NEWSLOOM_PAGE_FILE={file.path}: {NOT_OURS}"
    assert file.path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file.path]


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_the_log_is_refused_under_any_name(log_file: LogFile, tmp_path: Path, link: object) -> None:
    assert callable(link)
    log = Path(log_file.settings.log.removeprefix("sqlite:///"))
    link(log, tmp_path / "page.db")
    content = log.read_bytes()
    for path in (log, tmp_path / "page.db"):
        with pytest.raises(ConfigurationError, match=r"this is the log \(NEWSLOOM_LOG\): name another"):
            ModelFile(path).lock(log_file.settings)
    assert log.read_bytes() == content


def test_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path()):
        with pytest.raises(ConfigurationError, match="this is a folder: name a file"):
            ModelFile(path).lock(Settings())


def test_a_missing_folder_is_to_be_created(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none is not there: create the folder"):
        ModelFile(tmp_path / "none" / "page.db").lock(Settings())


def test_a_device_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=NOT_OURS):
        ModelFile(Path(os.devnull)).lock(Settings())


def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    """Also to root, if it gives up its right to write everywhere."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    rights = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if rights and shutil.which(rights[0]) is None:
        pytest.skip("root needs setpriv to give up its rights")
    command = [*rights, sys.executable, "-c", LOCK, str(folder / "page.db")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
    assert "Permission denied: name a folder that can be written" in run.stderr


@pytest.fixture
def log_file(consistent_log: LogFile, tmp_path: Path) -> LogFile:
    return consistent_log.copy_to(tmp_path / "news.db")


def test_the_process_ends_with_one_sentence(log_file: LogFile, tmp_path: Path) -> None:
    log = Path(log_file.settings.log.removeprefix("sqlite:///"))
    lines = tmp_path / "articles.jsonl"
    make_long_lines(lines)
    contents = {path: path.read_bytes() for path in (log, lines)}
    pages = [PageProcess(log_file.settings.log, path) for path in (log, lines, tmp_path)]
    for page, reason in zip(pages, ("this is the log", NOT_OURS, "this is a folder"), strict=True):
        _, errors = page.process.communicate(timeout=START_S)
        assert page.process.returncode == 78, errors
        assert reason in errors
        assert "Traceback" not in errors
    assert {path: path.read_bytes() for path in contents} == contents
