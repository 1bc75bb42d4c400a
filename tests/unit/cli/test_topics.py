from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from newsloom.contracts.pipeline import TOPICS
from newsloom.streaming.errors import ClockRefused
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.sqlite import open_sqlite
from tests.unit.cli.harness import CliHarness, story, story_message, write


def test_create_adds_missing_topics_and_leaves_the_others(harness: CliHarness, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with closing(open_log_url(other)) as log:
        log.admin().create([TopicSpec("news.articles", 3, CleanupPolicy.DELETE)])
    first = harness.run("--log", other, "topics", "create").stdout.splitlines()
    assert first[:2] == ["exists   news.articles", "created  news.story-commands"]
    assert len(first) == len(TOPICS)
    again = harness.run("--log", other, "topics", "create").stdout.splitlines()
    assert all(line.startswith("exists ") for line in again)


def test_check_lists_correct_topics(harness: CliHarness) -> None:
    harness.write([story_message(story("st-a"))])
    result = harness.run("topics", "check")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["partitions", "written", "policy", "retention", "topic"]
    assert "         1        0  delete   14 days    news.articles" in result.stdout.splitlines()
    assert "         1        1  compact  -          news.stories" in result.stdout.splitlines()


def test_check_reports_wrong_topics(harness: CliHarness, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with closing(open_log_url(other)) as log:
        log.admin().create([TopicSpec("news.stories", 3, CleanupPolicy.DELETE)])
    result = harness.run("--log", other, "topics", "check")
    assert result.exit_code == 1
    assert "news.dead-letters do not exist: run `newsloom topics create`" in result.stdout
    assert "topic news.stories has cleanup policy delete, needs compact" in result.stdout


def test_a_log_that_was_not_used_for_long_accepts_writes_after_a_confirmation(
    harness: CliHarness, tmp_path: Path
) -> None:
    file = tmp_path / "articles.jsonl"
    file.write_text('{"id": "a-1", "title": "Talks in Paris", "text": "They met."}\n')
    month_ago_ms = time.time_ns() // 1_000_000 - 30 * 86_400_000
    with closing(open_sqlite(harness.settings.log, clock=lambda: month_ago_ms)) as log:
        write(log, [story_message(story("st-a"))])
    refused = harness.run("ingest", str(file))
    assert isinstance(refused.exception, ClockRefused)
    assert "30 days after the log was last used" in str(refused.exception)
    assert "newsloom topics confirm-clock" in str(refused.exception)
    assert harness.run("topics", "confirm-clock").stdout.startswith("confirmed: it is 20")
    assert harness.run("ingest", str(file)).exit_code == 0
