"""Run the programs of examples/, subscribers that know nothing of newsloom but its topics."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from newsloom.subscribe import Newsloom
from tests.acceptance.installation import Installation

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
CATCH_UP_S_MAX: Final = 120

Row = tuple[str, str, int, int, str]
"""A story: id, state, version, articles and title."""


class Table(Protocol):
    """What a program has made of the topics."""

    def changes(self) -> list[tuple[Row, int]]:
        """Return each story with the number of its changes."""
        ...


class LiveTable:
    """The table of one run after another of a live table in some language."""

    def __init__(self, installation: Installation, command: Sequence[str], table: Table) -> None:
        self._environ = installation.environ()
        self._command = command
        self._table = table

    def kill_after_its_first_rows(self) -> None:
        """Start it, and kill it (kill -9) once it has printed a line."""
        with subprocess.Popen(self._command, env=self._environ, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            process.kill()

    def catch_up(self) -> None:
        """Run it until it has read all that is on the topics."""
        subprocess.run([*self._command, "--once"], env=self._environ, check=True, timeout=CATCH_UP_S_MAX)

    def rows(self) -> list[tuple[Row, int]]:
        """Return each story with the number of its changes."""
        return self._table.changes()


class SqliteTable:
    """The table of examples/live_table.py."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def changes(self) -> list[tuple[Row, int]]:
        with closing(sqlite3.connect(self.file)) as table:
            found = table.execute("SELECT * FROM stories ORDER BY id").fetchall()
            changes = dict(table.execute("SELECT id, number FROM changes"))
        return [(row, changes[row[0]]) for row in found]


class JsonTable:
    """The table of examples/node/live_table.mjs."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def changes(self) -> list[tuple[Row, int]]:
        table = json.loads(self.file.read_text())
        return [
            ((story_id, *story.values()), table["changes"][story_id])
            for story_id, story in sorted(table["stories"].items())
        ]


def live_tables(installation: Installation) -> list[LiveTable]:
    """Return the live tables of all languages that this machine has; warn of the others."""
    python = SqliteTable(installation.folder / "table.db")
    tables = [_live_table(installation, [sys.executable, str(EXAMPLES / "live_table.py")], python.file, python)]
    if program := _node_program(installation.folder / "node"):
        node = JsonTable(installation.folder / "table.json")
        tables.append(_live_table(installation, ["node", str(program)], node.file, node))
    return tables


def _live_table(installation: Installation, program: list[str], file: Path, table: Table) -> LiveTable:
    return LiveTable(installation, [*program, _broker(installation), str(file)], table)


def _broker(installation: Installation) -> str:
    return installation.url.removeprefix("kafka://")


def _node_program(folder: Path) -> Path | None:
    """Return examples/node with its packages, in this folder; None without Node.js, npm or its registry."""
    if not shutil.which("node") or not shutil.which("npm"):
        warnings.warn("node or npm is missing: examples/node is not tested", stacklevel=2)
        return None
    shutil.copytree(EXAMPLES / "node", folder, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    installed = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if installed.returncode:
        warnings.warn(f"npm install fails, so examples/node is not tested: {installed.stderr}", stacklevel=2)
        return None
    return folder / "live_table.mjs"


def listed_by_kcat(installation: Installation) -> list[Row] | None:
    """Return what examples/stories.sh prints; None, with a warning, if kcat or jq is missing."""
    if not shutil.which("kcat") or not shutil.which("jq"):
        warnings.warn("kcat or jq is missing: examples/stories.sh is not tested", stacklevel=2)
        return None
    command = [str(EXAMPLES / "stories.sh"), _broker(installation)]
    printed = subprocess.run(command, env=installation.environ(), capture_output=True, text=True, check=True)
    fields = sorted(line.split("\t") for line in printed.stdout.splitlines())
    return [
        (story_id, state, int(version), int(articles), title) for story_id, state, version, articles, title in fields
    ]


def expected_rows(installation: Installation) -> list[tuple[Row, int]]:
    """Return what a live table must be: a story has as many changes as versions."""
    with closing(installation.open()) as log:
        stories = Newsloom(log, topic_prefix=installation.prefix).stories()
    return [
        ((story.id, story.state.value, story.version, story.article_count, story.title), story.version)
        for _, story in sorted(stories.items())
    ]
