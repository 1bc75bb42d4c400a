"""An operator's commands to real services: carried out, kept over a crash, and without violations."""

from __future__ import annotations

import signal
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from newsloom.command_client import command_message
from newsloom.contracts.command import MergeStories
from newsloom.contracts.story import Story, StoryState
from newsloom.contracts.topics import STORY_COMMANDS
from newsloom.subscribe import Newsloom
from tests.acceptance.installation import Installation
from tests.acceptance.story_page import StoryPage, known_stories
from tests.acceptance.subscribers import expected_rows, listed_by_kcat, live_tables

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLE: Final = Path(__file__).resolve().parents[2] / "services" / "local" / "sample" / "articles.jsonl"
NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)


def run_command(installation: Installation, *arguments: str) -> list[str]:
    return installation.command(
        "stories", *arguments, "--by", "Jane", "--why", "read it again", "--wait", "120"
    ).stdout.splitlines()


def open_stories(installation: Installation) -> list[Story]:
    """Return the open stories, largest first."""
    with closing(installation.open()) as log:
        stories = Newsloom(log, topic_prefix=installation.prefix).stories().values()
    found = [story for story in stories if story.state is StoryState.OPEN]
    return sorted(found, key=lambda story: (-story.article_count, story.id))


def test_commands_are_carried_out_and_kept(kind: str, installation: Installation) -> None:
    installation.command("run", "--ingest", str(SAMPLE), "--until-drained")
    page = StoryPage(installation)
    page.kill_when_ready()
    tables = live_tables(installation) if kind == "kafka" else []
    for table in tables:
        table.kill_after_its_first_rows()
    installation.start("embedder")
    clusterer = installation.start("clusterer")
    large, small, third, *_ = open_stories(installation)
    both = large.article_count + small.article_count

    assert run_command(installation, "merge", small.id, large.id) == [
        f"story {small.id} points to {large.id}",
        f"story {large.id} has {both} articles now, {large.article_count} before",
    ]
    split_off = [article.id for article in small.articles[:2]]
    new = next(line for line in run_command(installation, "split", large.id, *split_off) if "is new" in line).split()[1]
    assert run_command(installation, "move", third.articles[0].id, new)
    assert clusterer.end(signal.SIGKILL).status == -signal.SIGKILL
    installation.start("clusterer")
    assert run_command(installation, "pin", new) == [f"story {new} is pinned"]
    unknown = MergeStories(
        command_id="c-1", edition="main", by="Jane", why="?", issued_at=NOW, story_id=new, other_story_id="st-none"
    )
    installation.write(STORY_COMMANDS, [command_message(unknown, topic="")])
    assert run_command(installation, "pin", large.id[:-4]) == [f"story {large.id} is pinned"]
    installation.drain("embedder", "clusterer")

    published = installation.published()
    assert installation.find_violations() == []
    assert [letter.header("dead-letter-reason") for letter in published.dead_letters] == [
        "there is no story 'st-none' in edition 'main'"
    ]
    assert {published.memberships["main", article].story_id for article in split_off} == {new}
    assert large.id in published.stories[new].kept_apart
    assert "A command keeps it here: split by Jane" in installation.command("explain", split_off[0]).stdout
    assert page.rows() == known_stories(installation)
    expected = expected_rows(installation)
    for table in tables:
        table.catch_up()
        assert table.rows() == expected
    if kind == "kafka":
        assert listed_by_kcat(installation) in (None, [row for row, _ in expected])
