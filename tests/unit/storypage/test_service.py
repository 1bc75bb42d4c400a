"""The story page as a process: it serves, goes on after kill -9, ends at SIGTERM with open streams, and names what is wrong."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from services.storypage.read_model.file import ModelFile
from tests.unit.storypage.dump import dump
from tests.unit.storypage.page_process import START_S, PageProcess
from tests.unit.verifier.log_file import LogFile


@pytest.fixture
def start() -> Iterator[list[PageProcess]]:
    started: list[PageProcess] = []
    yield started
    for page in started:
        page.process.kill()
        page.process.wait()
        if page.process.stderr is not None:
            page.process.stderr.close()


@pytest.fixture
def log_file(consistent_log: LogFile, tmp_path: Path) -> LogFile:
    return consistent_log.copy_to(tmp_path / "news.db")


def test_it_serves_goes_on_after_a_kill_and_stops_with_open_streams(
    start: list[PageProcess], log_file: LogFile, tmp_path: Path
) -> None:
    first = PageProcess(log_file.settings.log, tmp_path / "page.db")
    start.append(first)
    first.wait_until_ready()
    stories = first.get("/api/stories").json()
    assert stories["stories"]
    assert first.get("/").status_code == 200
    assert "newsloom_page_requests_total" in httpx2.get(f"http://127.0.0.1:{first.metrics_port}/metrics").text
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL

    second, other = (
        PageProcess(log_file.settings.log, tmp_path / "page.db"),
        PageProcess(log_file.settings.log, tmp_path / "other.db"),
    )
    start += [second, other]
    for page in (second, other):
        page.wait_until_ready()
        assert page.get("/api/stories").json() == stories
    with closing(ModelFile(second.file).reader()) as one, closing(ModelFile(other.file).reader()) as two:
        assert dump(one) == dump(two)
    with httpx2.stream("GET", f"http://127.0.0.1:{second.port}/api/live", timeout=START_S) as stream:
        assert next(stream.iter_lines()).startswith("id: ")
        status, errors = second.end(signal.SIGTERM)
    assert status == 0, errors
    assert "read-model.made-again" not in errors


def test_a_second_process_on_the_file_is_refused(start: list[PageProcess], log_file: LogFile, tmp_path: Path) -> None:
    first = PageProcess(log_file.settings.log, tmp_path / "page.db")
    start.append(first)
    first.wait_until_ready()
    second = PageProcess(log_file.settings.log, tmp_path / "page.db")
    start.append(second)
    _, errors = second.process.communicate(timeout=START_S)
    assert second.process.returncode == 78
    assert "another story page is using this file: name another" in errors


def test_a_file_that_is_deleted_ends_it_with_one_sentence_and_the_next_start_makes_it_again(
    start: list[PageProcess], log_file: LogFile, tmp_path: Path
) -> None:
    first = PageProcess(log_file.settings.log, tmp_path / "page.db")
    start.append(first)
    first.wait_until_ready()
    stories = first.get("/api/stories").json()
    first.file.unlink()
    _, errors = first.process.communicate(timeout=START_S)
    assert first.process.returncode == 75
    assert "the file was deleted or replaced while this process used it; the next start makes it again" in errors
    assert "Traceback" not in errors
    second = PageProcess(log_file.settings.log, first.file)
    start.append(second)
    second.wait_until_ready()
    assert second.get("/api/stories").json() == stories


def test_missing_topics_are_named(start: list[PageProcess], log_file: LogFile, tmp_path: Path) -> None:
    page = PageProcess(log_file.settings.log, tmp_path / "page.db", NEWSLOOM_TOPIC_PREFIX="none.")
    start.append(page)
    _, errors = page.process.communicate(timeout=START_S)
    assert page.process.returncode == 78
    assert "topic none.stories does not exist" in errors
