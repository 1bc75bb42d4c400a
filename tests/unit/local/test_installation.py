"""`services.local.installation` without the services, which have their own tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from newsloom.task_thread import TaskThread
from services.cli.views.run_summary import log_summary
from services.ingest.lines import UnreadableInput
from services.ingest.runner import IngestPlan, IngestResult
from services.local.backlog import Backlog, BacklogMonitor, wait_until_drained
from services.local.installation import (
    LogSummary,
    RunPlan,
    ingest_on_own_log,
    prepare_topics,
    run_installation,
    summarize_log,
)
from services.local.run_lock import lock_instance
from tests.unit.ingest.harness import RecordingObserver, ids, new_log, row, write_rows
from tests.unit.local.test_supervisor import eventually

LogAndSettings = tuple[Log, Settings]


@pytest.fixture
def log_and_settings(tmp_path: Path) -> Iterator[LogAndSettings]:
    log, settings = new_log(tmp_path)
    yield log, settings
    log.close()


def test_missing_topics_are_created_and_wrong_ones_refused(tmp_path: Path) -> None:
    settings = Settings(log=f"sqlite:///{tmp_path / 'newsloom.db'}")
    log = open_log_url(settings.log)
    prepare_topics(log, settings)
    assert log.admin().describe(["news.stories"])["news.stories"].policy is CleanupPolicy.COMPACT
    log.admin().create([TopicSpec("other.stories", 1, CleanupPolicy.DELETE)])
    with pytest.raises(ConfigurationError, match=r"other\.stories has cleanup policy delete"):
        prepare_topics(log, Settings(log=settings.log, topic_prefix="other."))
    log.close()


def test_a_second_run_on_a_log_is_refused_with_one_sentence(log_and_settings: LogAndSettings) -> None:
    _, settings = log_and_settings
    plan = RunPlan(environ={})
    with (
        lock_instance(settings),
        pytest.raises(ConfigurationError, match=r"another `newsloom run` is using NEWSLOOM_LOG=.*: stop it, or name"),
    ):
        run_installation(settings, plan)
    with lock_instance(settings), lock_instance(msgspec.structs.replace(settings, topic_prefix="other.")):
        pass


def ingest_thread(settings: Settings, file: str) -> TaskThread[IngestResult]:
    ingest = ingest_on_own_log(settings, IngestPlan(file=file), RecordingObserver())
    return TaskThread("ingest", partial(ingest, threading.Event()))


def test_an_ingest_in_a_thread_ingests_its_file(log_and_settings: LogAndSettings, tmp_path: Path) -> None:
    path = tmp_path / "articles.jsonl"
    write_rows(path, [row(1), row(2)])
    thread = ingest_thread(log_and_settings[1], str(path))
    thread.start()
    thread.join(20)
    thread.check()
    assert thread.result == IngestResult(lines=2, articles=2)
    assert ids(log_and_settings[0]) == ["a-1", "a-2"]


def test_the_error_of_an_ingest_in_a_thread_is_raised_in_the_supervising_thread(
    log_and_settings: LogAndSettings,
) -> None:
    thread = ingest_thread(log_and_settings[1], "missing.jsonl")
    thread.start()
    thread.join(20)
    with pytest.raises(UnreadableInput, match=r"missing\.jsonl cannot be read"):
        thread.check()


def commit_batch(log: Log, service: str, topic: str, messages: list[Message]) -> None:
    worker = log.worker(group=f"news.{service}", instance="0", topics=[topic])
    while not (batch := worker.poll(max_records=100, timeout_ms=1_000)).records:
        pass
    worker.commit(batch, messages)
    worker.close()


def test_the_backlog_is_zero_once_both_services_have_committed_everything(
    log_and_settings: LogAndSettings, tmp_path: Path
) -> None:
    log, settings = log_and_settings
    monitor = BacklogMonitor(log.admin(), settings)
    assert monitor.backlog() == {"embedder": 0, "clusterer": 0}
    path = tmp_path / "articles.jsonl"
    write_rows(path, [row(1), row(2)])
    ingest_on_own_log(settings, IngestPlan(file=str(path)), RecordingObserver())(threading.Event())
    assert monitor.backlog() == {"embedder": 2, "clusterer": 0}
    vector = Message(topic="news.article-vectors", key=b"main", value=b"{}")
    commit_batch(log, "embedder", "news.articles", [vector, vector])
    assert monitor.backlog() == {"embedder": 0, "clusterer": 2}
    letter = Message(topic="news.dead-letters", key=None, value=b"{}")
    commit_batch(log, "clusterer", "news.article-vectors", [letter])
    assert monitor.backlog() == {"embedder": 0, "clusterer": 0}
    assert summarize_log(log, settings) == LogSummary(articles=0, open=0, closed=0, dead_letters=1)


def test_waiting_ends_once_everything_is_ingested_and_processed(
    log_and_settings: LogAndSettings, tmp_path: Path
) -> None:
    log, settings = log_and_settings
    path = tmp_path / "articles.jsonl"
    write_rows(path, [row(1)])
    ingest_on_own_log(settings, IngestPlan(file=str(path)), RecordingObserver())(threading.Event())
    is_ingested, stop = threading.Event(), threading.Event()
    seen: list[Backlog] = []
    thread = TaskThread("backlog", partial(wait_until_drained, settings, is_ingested.is_set, stop, seen.append))
    thread.start()
    eventually(lambda: {"embedder": 1, "clusterer": 0} in seen)
    commit_batch(log, "embedder", "news.articles", [])
    eventually(lambda: seen[-1] == {"embedder": 0, "clusterer": 0})
    assert thread.result is None
    is_ingested.set()
    thread.join(20)
    thread.check()
    assert thread.result is True


def test_waiting_ends_at_the_stop_event(log_and_settings: LogAndSettings) -> None:
    _, settings = log_and_settings
    stop = threading.Event()
    thread = TaskThread("backlog", partial(wait_until_drained, settings, lambda: False, stop))
    thread.start()
    stop.set()
    thread.join(20)
    assert thread.result is False


def test_the_error_of_the_waiting_is_raised_in_the_supervising_thread(tmp_path: Path) -> None:
    settings = Settings(log=f"sqlite:///{tmp_path / 'nowhere' / 'newsloom.db'}")
    thread = TaskThread("backlog", partial(wait_until_drained, settings, lambda: True, threading.Event()))
    thread.start()
    thread.join(20)
    with pytest.raises(ConfigurationError, match="does not exist"):
        thread.check()


def test_the_summary_mentions_dead_letters_only_if_there_are_any() -> None:
    assert log_summary(LogSummary(articles=145, open=15, closed=4, dead_letters=0)) == [
        "145 articles in 15 open and 4 closed stories"
    ]
    assert "newsloom dead-letters list" in log_summary(LogSummary(articles=1, open=1, closed=0, dead_letters=2))[1]
