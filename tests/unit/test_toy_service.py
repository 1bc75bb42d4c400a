"""A new service is one entry in the pipeline table, one folder, one entry point: a copy of the code gets a toy service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
ENTRY: Final = """
TITLES: Final = TopicDefinition(name="toy-titles", key="story id", value="the title", sizing=Sizing.FREE)
TOY: Final = ServiceDefinition(
    name="toy", summary="Run the toy: story updates in, titles out.", consumes=(STORY_UPDATES,), produces=(TITLES,)
)
SERVICES: Final = (EMBEDDER, CLUSTERER, TOY)
"""
ENTRY_POINT: Final = '''
"""`python -m services.toy`: the title of every story update."""

import sys

from newsloom.contracts.codec import InvalidValue, decode_update
from newsloom.contracts.pipeline import TITLES, TOY
from newsloom.log_names import topic_name, topic_names
from newsloom.service import main
from newsloom.streaming.records import Message
from newsloom.streaming.step import Outcome, Rejection
from services.startup import end_at_signals


class ToyStep:
    def __init__(self, settings):
        self.input_topics = topic_names(settings, TOY.consumes)
        self._titles = topic_name(settings, TITLES)

    def restore(self, partition):
        pass

    def forget(self, partition):
        pass

    def process(self, records):
        messages, rejected = [], []
        for record in records:
            try:
                title = decode_update(record.value).title
            except InvalidValue as error:
                rejected.append(Rejection(record, str(error)))
            else:
                messages.append(Message(self._titles, record.key, title.encode()))
        return Outcome(messages, rejected)


def build_step(settings, *_):
    return ToyStep(settings)


if __name__ == "__main__":
    end_at_signals()
    sys.exit(main(TOY.name, build_step, records_max=10))
'''
PRINT: Final = """
from newsloom.streaming.open import open_log_url
from newsloom.streaming.scan import read_topic
import sys
for record in read_topic(open_log_url(sys.argv[1]), "news." + sys.argv[2]):
    print(record.key.decode(), record.value.decode())
"""


class Installation:
    """A copy of the code in a folder, and a log beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = f"sqlite:///{folder / 'news.db'}"

    def run(self, *arguments: str) -> str:
        """What the command prints, its errors included."""
        environ = {**os.environ, "PYTHONPATH": str(self.folder), "NEWSLOOM_LOG": self.log}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def newsloom(self, *arguments: str) -> str:
        return self.run("-m", "services.cli", *arguments)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """The code with a toy service: nothing but the entry and the folder differs."""
    for package in ("newsloom", "services"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    pipeline = tmp_path / "newsloom" / "contracts" / "pipeline.py"
    text = pipeline.read_text()
    assert text.count("\nSERVICES: Final = (EMBEDDER, CLUSTERER)\n") == 1
    text = text.replace("\nSERVICES: Final = (EMBEDDER, CLUSTERER)\n", ENTRY)
    pipeline.write_text(text.replace("    TopicDefinition,\n", "    Sizing,\n    TopicDefinition,\n", 1))
    (tmp_path / "services" / "toy").mkdir()
    (tmp_path / "services" / "toy" / "__main__.py").write_text(ENTRY_POINT)
    return Installation(tmp_path)


def test_a_service_is_an_entry_a_folder_and_an_entry_point(installation: Installation) -> None:
    assert "Run the toy: story updates in, titles out." in installation.newsloom("--help")
    rights = installation.newsloom("topics", "acls", "toy")
    assert "--topic news.story-updates" in rights
    assert "--topic news.toy-titles" in rights
    assert "--transactional-id news.toy-" in rights

    sample = (ROOT / "services" / "local" / "sample" / "articles.jsonl").read_text().splitlines()[:12]
    articles = installation.folder / "articles.jsonl"
    articles.write_text("".join(f"{line}\n" for line in sample))
    installation.newsloom("run", "--ingest", str(articles), "--until-drained")

    updates = installation.run("-c", PRINT, installation.log, "story-updates").splitlines()
    expected = [(key, json.loads(value)["title"]) for key, _, value in (line.partition(" ") for line in updates)]
    titles = installation.run("-c", PRINT, installation.log, "toy-titles").splitlines()
    assert [tuple(line.split(" ", 1)) for line in titles] == expected
    assert len(expected) >= len(sample)
    assert "every invariant holds" in installation.newsloom("state", "verify")
