"""Every program on a damaged log exits with status 78 and one line that names the file and what to do."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.service import EXIT_CONFIGURATION
from newsloom.streaming.records import Message
from tests.acceptance.installation import Installation
from tests.failure_lines import failures
from tests.laws.streams import article

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Program = tuple[str, ...]

STORIES: Final = ("stories",)
WATCH: Final = ("watch", "--from-start", "--until-idle", "0")
VERIFY: Final = ("state", "verify")
INGEST: Final = ("ingest", "articles.jsonl")
RUN: Final = ("run", "--until-drained")
EMBEDDER: Final = ("embedder",)
CLUSTERER: Final = ("clusterer",)
ALL: Final[list[Program]] = [STORIES, WATCH, VERIFY, INGEST, RUN, EMBEDDER, CLUSTERER]
RECORDS: Final[list[Program]] = [WATCH, VERIFY, CLUSTERER, INGEST]
PAGE: Final = 4096
STORY, ARTICLE = b"Title 1.0", b"Ferry sinks"
"""Words in the records of one story, and in an article that is not embedded yet."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A log with two stories, and an article that is not processed yet."""
    folder = tmp_path_factory.mktemp("newsroom")
    made = Installation(f"sqlite:///{folder}/news.db", "news.", folder)
    made.command("topics", "create")
    vectors = [article(1), article(2, subject=3)]
    made.write(ARTICLE_VECTORS, [Message("", vector.edition.encode(), encode(vector)) for vector in vectors])
    made.run("clusterer", NEWSLOOM_MODEL="test")
    (folder / "articles.jsonl").write_text('{"id": "a", "title": "Ferry sinks", "text": "Off Port Selden."}\n')
    made.command("ingest", "articles.jsonl")
    yield folder / "news.db"
    made.close()


@pytest.fixture
def newsroom(sound: Path, tmp_path: Path) -> Installation:
    shutil.copy(sound, tmp_path / "news.db")
    (tmp_path / "articles.jsonl").write_text('{"id": "b", "title": "Bridge opens", "text": "In Port Selden."}\n')
    return Installation(f"sqlite:///{tmp_path}/news.db", "news.", tmp_path)


def file_of(newsroom: Installation) -> Path:
    return newsroom.folder / "news.db"


def error_line(newsroom: Installation, program: Program) -> str:
    """Run a program, which must exit with status 78, and return its error line."""
    ended = newsroom.newsloom(*program, NEWSLOOM_MODEL="all-MiniLM-L6-v2" if program == EMBEDDER else "test")
    assert ended.status == EXIT_CONFIGURATION, ended
    assert "Traceback" not in ended.stderr, ended.stderr
    plain = [line for line in ended.stderr.splitlines() if line.startswith("newsloom")]
    first, *more = (*failures(ended.stderr), *plain)
    assert len(more) <= (program == RUN), ended.stderr
    assert f"NEWSLOOM_LOG: {file_of(newsroom)}" in first
    return first


def clear_header(file: Path) -> None:
    with file.open("r+b") as data:
        data.write(bytes(100))


def clear_records_root(file: Path) -> None:
    with closing(sqlite3.connect(file)) as sql:
        (root,) = sql.execute("SELECT rootpage FROM sqlite_master WHERE name = 'records'").fetchone()
    with file.open("r+b") as data:
        data.seek((root - 1) * PAGE)
        data.write(bytes(PAGE))


def cut_in_half(file: Path) -> None:
    with file.open("r+b") as data:
        data.truncate(file.stat().st_size // PAGE // 2 * PAGE)


def empty_file(file: Path) -> None:
    file.write_bytes(b"")


def set_newer_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as sql:
        sql.execute("PRAGMA user_version = 99")


def keep_only_write_ahead_log(file: Path) -> None:
    file.unlink()
    file.with_name("news.db-wal").write_bytes(bytes(PAGE))


Damage = Callable[[Path], None]


@pytest.mark.parametrize(
    ("program", "damage", "reason"),
    [
        *((program, clear_header, "no database, or damaged") for program in ALL),
        *((program, clear_records_root, "is damaged") for program in RECORDS),
        *((program, cut_in_half, "is damaged") for program in ALL),
        (STORIES, clear_records_root, "is damaged"),
        *((program, empty_file, "is empty") for program in (STORIES, VERIFY, INGEST, CLUSTERER)),
        *((program, set_newer_version, "upgrade") for program in (STORIES, RUN, INGEST)),
        *((program, keep_only_write_ahead_log, "missing") for program in (RUN, CLUSTERER)),
    ],
)  # fmt: skip
def test_a_damaged_file(newsroom: Installation, program: Program, damage: Damage, reason: str) -> None:
    damage(file_of(newsroom))
    line = error_line(newsroom, program)
    assert reason in line
    assert "restore" in line or "upgrade" in line


def change_a_letter(file: Path, words: bytes) -> None:
    """Change the last letter of the words wherever they are in the file."""
    data = file.read_bytes()
    assert words in data
    file.write_bytes(data.replace(words, words[:-1] + b"#"))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (STORIES, STORY),
        (WATCH, STORY),
        (VERIFY, STORY),
        (CLUSTERER, STORY),
        (EMBEDDER, ARTICLE),
    ],
)
def test_a_changed_record(newsroom: Installation, program: Program, words: bytes) -> None:
    """The file is valid to SQLite and the event may be valid too: only the checksum shows the change."""
    change_a_letter(file_of(newsroom), words)
    line = error_line(newsroom, program)
    assert "is not what was written" in line
    assert "restore it from a backup" in line
