"""The story page on an installation: killed, started again, and asked for every story."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from newsloom.subscribe import Newsloom
from tests.acceptance.installation import Installation
from tests.unit.storypage.page_process import PageProcess

Row = tuple[Any, ...]
"""A story: its `FIELDS`."""
FIELDS: Final = ("id", "state", "version", "article_count", "title")


class StoryPage:
    """The page of one process after another, with one file."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._file = installation.folder / "storypage.db"

    def kill_when_ready(self) -> None:
        """Start it, and kill it (kill -9) once it has read the topics."""
        with self._running() as page:
            assert page.end(signal.SIGKILL)[0] == -signal.SIGKILL

    def rows(self) -> list[Row]:
        """Return every story that it knows, once it has read the topics."""
        found: list[Row] = []
        with self._running() as page:
            position, more = "", True
            while more:
                answer = page.get(f"/api/changes?limit=100&changed_after={position}").json()
                position, more = answer["position"], answer["more"]
                found += [tuple(story[field] for field in FIELDS) for story in answer["stories"]]
        return sorted(found)

    @contextmanager
    def _running(self) -> Iterator[PageProcess]:
        environ = {"NEWSLOOM_TOPIC_PREFIX": self._installation.prefix}
        page = PageProcess(self._installation.url, self._file, **environ)
        try:
            page.wait_until_ready()
            yield page
        finally:
            page.process.kill()
            page.process.wait()


def known_stories(installation: Installation) -> list[Row]:
    """Return what the page must know."""
    with closing(installation.open()) as log:
        stories = Newsloom(log, topic_prefix=installation.prefix).stories().values()
    return sorted((one.id, one.state.value, one.version, one.article_count, one.title) for one in stories)
