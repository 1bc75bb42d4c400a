"""A batch is written once, even if its commit fails or its outcome is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import newsloom.streaming.resumable_writer as module
from newsloom.streaming.errors import CommitFailed, Fenced
from newsloom.streaming.log import Log, Progress, Writer
from newsloom.streaming.records import Message
from newsloom.streaming.resumable_writer import ResumableWriter
from tests.unit.ingest.harness import ids, new_log


class FaultyWriter:
    """A real writer whose first commits fail, before or after everything is written."""

    def __init__(self, writer: Writer, faults: list[str]) -> None:
        self._writer = writer
        self._faults = faults

    def progress(self) -> Progress | None:
        return self._writer.progress()

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        fault = self._faults.pop(0) if self._faults else None
        if fault == "before":
            raise CommitFailed("the log went away before the commit")
        self._writer.write(messages, progress)
        if fault == "after":
            raise CommitFailed("the log went away before it could answer")

    def discard(self) -> None:
        self._writer.discard()

    def close(self) -> None:
        self._writer.close()


class FaultyLog:
    """A real log whose writers inject the given faults."""

    def __init__(self, log: Log, faults: list[str]) -> None:
        self._log = log
        self._faults = faults

    def writer(self, name: str, *, progress_topic: str = "") -> Writer:
        return FaultyWriter(self._log.writer(name, progress_topic=progress_topic), self._faults)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    monkeypatch.setattr(module, "RETRY_DELAYS_S", (0.0, 0.0, 0.0))
    log, _settings = new_log(tmp_path)
    yield log
    log.close()


def message(key: str) -> Message:
    return Message(topic="news.articles", key=key.encode(), value=b"{}")


@pytest.mark.parametrize("faults", [["before"], ["after"], ["before", "before", "after"], ["before", "after"]])
def test_a_batch_is_written_once_after_failed_commits(log: Log, faults: list[str]) -> None:
    writer = ResumableWriter(FaultyLog(log, list(faults)), "w")
    writer.write([message("a")], Progress(1, "one"))
    writer.write([message("b")], Progress(2, "two"))
    assert ids(log) == ["a", "b"]
    assert writer.progress == Progress(2, "two")


def test_it_gives_up_if_the_log_stays_unavailable(log: Log) -> None:
    writer = ResumableWriter(FaultyLog(log, ["before"] * 4), "w")
    with pytest.raises(CommitFailed):
        writer.write([message("a")], Progress(1))
    assert ids(log) == []


def test_an_older_writer_of_the_same_name_is_fenced(log: Log) -> None:
    older = ResumableWriter(log, "w")
    newer = ResumableWriter(log, "w")
    newer.write([message("a")], Progress(5, "newer"))
    with pytest.raises(Fenced):
        older.write([message("b")], Progress(1, "older"))
    assert ids(log) == ["a"]


def test_an_older_writer_does_not_fence_the_newer_one_while_it_retries(log: Log) -> None:
    older = ResumableWriter(FaultyLog(log, ["before"]), "w")
    newer = ResumableWriter(log, "w")
    newer.write([message("a")], Progress(5, "newer"))
    with pytest.raises(Fenced, match="another process"):
        older.write([message("b")], Progress(1, "older"))
    assert ids(log) == ["a"]
