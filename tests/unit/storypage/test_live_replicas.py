"""A reader of live updates whose page is killed goes on at another one: every update once, in order."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx2
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.topics import STORY_UPDATES
from newsloom.log_names import topic_name
from newsloom.streaming.log import Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from tests.unit.storypage.page_process import START_S, PageProcess
from tests.unit.storypage.test_feeds import update
from tests.unit.verifier.log_file import LogFile

UPDATES: Final = 120
KILLED_AFTER: Final = 40


@pytest.fixture
def log_file(consistent_log: LogFile, tmp_path: Path) -> LogFile:
    return consistent_log.copy_to(tmp_path / "news.db")


def publish(log_file: LogFile, stop: threading.Event) -> None:
    """Write the versions of one story, as the clusterer would, a few in each transaction."""
    topic = topic_name(log_file.settings, STORY_UPDATES)
    with closing(open_log_url(log_file.settings.log)) as log, closing(log.writer("updates")) as writer:
        for first in range(1, UPDATES + 1, 3):
            messages = [
                Message(topic, b"st-1", encode(update(version, version))) for version in range(first, first + 3)
            ]
            writer.write(messages, Progress(first))
            if stop.wait(0.02):
                return


def read(page: PageProcess, last_event_id: str) -> Iterator[tuple[str, int]]:
    """Yield the id of each event and its version; the stream ends with its page."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    url = f"http://127.0.0.1:{page.port}/api/live?story=st-1"
    with httpx2.stream("GET", url, headers=headers, timeout=START_S) as answer:
        position = ""
        for line in answer.iter_lines():
            if line.startswith("id: "):
                position = line.removeprefix("id: ")
            elif line.startswith("data: "):
                yield position, int(json.loads(line.removeprefix("data: "))["version"])


def test_every_update_comes_once_over_a_kill(log_file: LogFile, tmp_path: Path) -> None:
    pages = [PageProcess(log_file.settings.log, tmp_path / f"page-{number}.db") for number in range(2)]
    stop = threading.Event()
    writer = threading.Thread(target=publish, args=(log_file, stop))
    got: list[int] = []
    try:
        for page in pages:
            page.wait_until_ready()
        begin = httpx2.get(f"http://127.0.0.1:{pages[0].port}/").text.partition('data-position="')[2].partition('"')[0]
        writer.start()
        seen = begin
        for position, version in read(pages[0], begin):
            got.append(version)
            seen = position
            if len(got) == KILLED_AFTER:
                pages[0].end(signal.SIGKILL)
                break
        for _, version in read(pages[1], seen):
            got.append(version)
            if version == UPDATES:
                break
    finally:
        stop.set()
        writer.join()
        for page in pages:
            page.process.kill()
            page.process.wait()
    assert got == list(range(1, UPDATES + 1))
