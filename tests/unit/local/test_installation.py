"""What `run` and `demo` do around the services; the services themselves have their own tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from services.cli.views.run_summary import log_summary
from services.ingest.lines import UnreadableInput
from services.ingest.runner import IngestPlan, IngestResult
from services.local.installation import (
    BacklogMonitor,
    IngestThread,
    LogSummary,
    ingest_on_own_log,
    prepare_topics,
    summarize_log,
)
from tests.unit.ingest.harness import Notes, ids, new_log, row, write_rows

Newsroom = tuple[Log, Settings]


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    log, settings = new_log(tmp_path)
    yield log, settings
    log.close()


def test_missing_topics_are_made_and_wrong_ones_named(tmp_path: Path) -> None:
    settings = Settings(log=f"sqlite:///{tmp_path / 'newsloom.db'}")
    log = open_log_url(settings.log)
    prepare_topics(log, settings)
    assert log.admin().describe(["news.stories"])["news.stories"].policy is CleanupPolicy.COMPACT
    log.admin().create([TopicSpec("other.stories", 1, CleanupPolicy.DELETE)])
    with pytest.raises(ConfigurationError, match=r"other\.stories has cleanup policy delete"):
        prepare_topics(log, Settings(log=settings.log, topic_prefix="other."))
    log.close()


def test_a_feed_takes_in_its_file(newsroom: Newsroom, tmp_path: Path) -> None:
    path = tmp_path / "articles.jsonl"
    write_rows(path, [row(1), row(2)])
    feed = IngestThread(ingest_on_own_log(newsroom[1], IngestPlan(file=str(path)), Notes()), threading.Event())
    assert not feed.is_done()
    feed.start()
    feed.join(20)
    assert feed.is_done()
    assert feed.result == IngestResult(lines=2, articles=2)
    assert ids(newsroom[0]) == ["a-1", "a-2"]


def test_what_ends_a_feed_is_raised_where_it_is_supervised(newsroom: Newsroom) -> None:
    feed = IngestThread(ingest_on_own_log(newsroom[1], IngestPlan(file="missing.jsonl"), Notes()), threading.Event())
    feed.start()
    feed.join(20)
    with pytest.raises(UnreadableInput, match=r"missing\.jsonl cannot be read"):
        feed.is_done()


def work_through(log: Log, service: str, topic: str, messages: list[Message]) -> None:
    worker = log.worker(group=f"news.{service}", instance="0", topics=[topic])
    while not (batch := worker.poll(max_records=100, timeout_ms=1_000)).records:
        pass
    worker.commit(batch, messages)
    worker.close()


def test_a_newsroom_is_drained_when_both_services_have_committed_everything(newsroom: Newsroom, tmp_path: Path) -> None:
    log, settings = newsroom
    drain = BacklogMonitor(log.admin(), settings)
    assert drain.backlog() == {"embedder": 0, "clusterer": 0}
    path = tmp_path / "articles.jsonl"
    write_rows(path, [row(1), row(2)])
    ingest_on_own_log(settings, IngestPlan(file=str(path)), Notes())(threading.Event())
    assert drain.backlog() == {"embedder": 2, "clusterer": 0}
    vector = Message(topic="news.article-vectors", key=b"main", value=b"{}")
    work_through(log, "embedder", "news.articles", [vector, vector])
    assert drain.backlog() == {"embedder": 0, "clusterer": 2}
    letter = Message(topic="news.dead-letters", key=None, value=b"{}")
    work_through(log, "clusterer", "news.article-vectors", [letter])
    assert drain.backlog() == {"embedder": 0, "clusterer": 0}
    assert summarize_log(log, settings) == LogSummary(articles=0, open=0, closed=0, dead_letters=1)


def test_the_standing_points_to_dead_letters_only_where_there_are_any() -> None:
    assert log_summary(LogSummary(articles=145, open=15, closed=4, dead_letters=0)) == [
        "145 articles in 15 open and 4 closed stories"
    ]
    assert "newsloom dead-letters list" in log_summary(LogSummary(articles=1, open=1, closed=0, dead_letters=2))[1]
