"""Run examples/live_table.py, a subscriber that knows nothing of newsloom but its topics."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from newsloom.subscribe import Newsloom
from tests.acceptance.installation import Installation

PROGRAM: Final = Path(__file__).resolve().parents[2] / "examples" / "live_table.py"

Row = tuple[str, str, int, int, str]
"""A story: id, state, version, articles and title."""


class LiveTable:
    """The table of one run after another of the example."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._file = installation.folder / "table.db"
        self._command = [sys.executable, str(PROGRAM), installation.url.removeprefix("kafka://"), str(self._file)]

    def kill_after_its_first_rows(self) -> None:
        """Start it, and kill it (kill -9) once it has printed a line."""
        with subprocess.Popen(self._command, env=self._installation.environ(), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            process.kill()

    def catch_up(self) -> None:
        """Run it until it has read all that is on the topics."""
        subprocess.run([*self._command, "--once"], env=self._installation.environ(), check=True, timeout=120)

    def rows(self) -> list[tuple[Row, int]]:
        """Return each story with the number of its changes."""
        with closing(sqlite3.connect(self._file)) as table:
            found = table.execute("SELECT * FROM stories ORDER BY id").fetchall()
            changes = dict(table.execute("SELECT id, number FROM changes"))
        return [(row, changes[row[0]]) for row in found]


def expected_rows(installation: Installation) -> list[tuple[Row, int]]:
    """Return what the table must be: a story has as many changes as versions."""
    with closing(installation.open()) as log:
        stories = Newsloom(log, topic_prefix=installation.prefix).stories()
    return [
        ((story.id, story.state.value, story.version, story.article_count, story.title), story.version)
        for _, story in sorted(stories.items())
    ]
