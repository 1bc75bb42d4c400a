"""The metrics of a service are those of docs/operations.md, and count what is committed."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest
from prometheus_client.exposition import generate_latest

from newsloom.contracts.codec import encode
from newsloom.contracts.pipeline import EVENT_TYPE
from newsloom.contracts.vector import ArticleVector
from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.lag import Lag
from newsloom.streaming.log import Log
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.open import open_log_url
from newsloom.streaming.process_metrics import add_process_metrics
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.records import Message
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import RejectionKind
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.core.parameters import Parameters
from services.clusterer.step import ClustererStep
from services.embedder.vector_cache import CachingEncoder
from services.feeds.metrics import FeedMetrics
from services.ingest.http_api import IngestMetrics
from services.storypage.metrics import PageMetrics
from tests.conformance.clients import numbered, put
from tests.laws.streams import article
from tests.unit.embedder.test_step import BytesEncoder
from tests.unit.streaming.tally import GROUP, IN, LETTERS, UNREADABLE, Tally, create_topics
from tests.unit.test_docs import OPERATIONS, metric_rows, table

NOW_S: Final = 1_000.0
ARRIVED_MS: Final = 996_000
"""Four seconds before."""


@pytest.fixture
def log() -> Iterator[Log]:
    log = open_log_url("sqlite://")
    yield log
    log.close()


class Service:
    """A loop with metrics, at a fixed time."""

    def __init__(self, log: Log, step: Any, metrics: Metrics, *, group: str = GROUP) -> None:
        self.metrics = metrics
        self.watchdog = Watchdog()
        readiness = Readiness()
        readiness.has_started = True
        readiness.lag = Lag(clock=lambda: NOW_S)
        metrics.observe(readiness.lag)
        add_process_metrics(metrics.registry, "tally", readiness, self.watchdog)
        config = LoopConfig(
            service="tally", dead_letter_topic=LETTERS, dead_letter_share_max=1, records_max=3, type_header=EVENT_TYPE
        )
        worker = log.worker(group=group, instance="0", topics=step.input_topics)
        self.loop = Loop(
            worker, step, config, stop=threading.Event(), watchdog=self.watchdog, metrics=metrics, readiness=readiness
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def arrived(messages: list[Message]) -> list[Message]:
    return [replace(message, timestamp_ms=ARRIVED_MS) for message in messages]


def vector_message(vector: ArticleVector) -> Message:
    return Message("news.article-vectors", vector.edition.encode(), encode(vector))


def clusterer_metrics(log: Log) -> Metrics:
    metrics = Metrics()
    ClustererStep(Settings(), log, None, Parameters(), RestoreProgress(Watchdog(), metrics))
    return metrics


def all_metrics(log: Log) -> Metrics:
    """Return the metrics of every service that processes records: the clusterer's, the story page's and the embedder's."""
    metrics = clusterer_metrics(log)
    PageMetrics(metrics.registry)
    CachingEncoder(BytesEncoder(), metrics.registry)
    add_process_metrics(metrics.registry, "clusterer", Readiness(), Watchdog())
    return metrics


def exported_series() -> set[str]:
    """Return the name of each series that a service can export."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    with closing(open_log_url("sqlite://")) as log:
        registries = (all_metrics(log).registry, FeedMetrics().registry, IngestMetrics().registry)
        families = [family for registry in registries for family in registry.collect()]
    return {family.name + suffix for family in families for suffix in suffixes[family.type]}


def test_the_documented_metrics_are_those_of_the_code(log: Log) -> None:
    described = {row[0].strip("`"): row[1:] for row in table(OPERATIONS, "| metric | type | labels | meaning |")}
    assert described == metric_rows(all_metrics(log).registry)


def test_the_names_follow_the_conventions_of_prometheus(log: Log) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool, of the Debian package prometheus")
    text = generate_latest(all_metrics(log).registry)
    result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, b"")


def test_the_latency_counts_from_the_arrival_to_the_commit_without_dead_letters(log: Log) -> None:
    create_topics(log)
    put(log, arrived([*numbered(IN, 2), Message(IN, None, UNREADABLE)]))
    service = Service(log, Tally(log), Metrics(clock=lambda: NOW_S))
    service.loop.run_once()
    assert service.value("newsloom_latency_seconds_sum", service="tally") == 8
    assert service.value("newsloom_latency_seconds_count", service="tally") == 2
    assert service.value("newsloom_latency_seconds_bucket", service="tally", le="2.5") == 0
    assert service.value("newsloom_latency_seconds_bucket", service="tally", le="5.0") == 2
    assert service.value("newsloom_dead_letters_total", reason="invalid") == 1
    assert service.value("newsloom_stage_seconds_count", stage="commit") == 1


def test_the_lag_is_that_of_the_oldest_record_and_0_when_idle(log: Log) -> None:
    create_topics(log)
    put(log, arrived(numbered(IN, 5)))
    seen: list[tuple[float | None, float | None]] = []
    step = Tally(log, during=lambda: seen.append(lag()))
    service = Service(log, step, Metrics())

    def lag() -> tuple[float | None, float | None]:
        return service.value("newsloom_lag_records"), service.value("newsloom_lag_seconds")

    service.loop.run_once()
    assert seen == [(5, 4)]
    assert lag() == (2, 4)
    service.loop.run_once()
    assert lag() == (0, 0)
    assert service.value("newsloom_rebalances_total") == 1


def test_the_age_of_the_last_progress_rises(log: Log) -> None:
    create_topics(log)
    service = Service(log, Tally(log), Metrics())
    service.watchdog.tick()
    service.watchdog.tick()
    assert service.value("newsloom_progress_age_seconds") == 2
    service.loop.run_once()
    assert service.value("newsloom_progress_age_seconds") == 0


def test_the_clusterer_counts_its_stories_updates_and_mismatches(log: Log) -> None:
    settings = Settings(model="test")
    log.admin().create(topic_specs(settings))
    create_topics(log)
    put(log, [vector_message(article(1)), vector_message(msgspec.structs.replace(article(2), model="another"))])
    metrics = Metrics()
    step = ClustererStep(settings, log, None, Parameters(), RestoreProgress(Watchdog(), metrics))
    service = Service(log, step, metrics, group="news.clusterer")
    service.loop.run_once()
    for name in ("editions", "stories", "open_stories", "articles", "window_reports"):
        assert service.value(f"newsloom_{name}") == 1, name
    assert service.value("newsloom_messages_total", type="newsloom.story.created.v1") == 1
    assert service.value("newsloom_dead_letters_total", reason="mismatch") == 1


@pytest.mark.parametrize("kind", RejectionKind)
def test_dead_letters_are_counted_from_0_on(kind: RejectionKind) -> None:
    assert Metrics().registry.get_sample_value("newsloom_dead_letters_total", {"reason": kind.value}) == 0


def test_labels_have_no_values_that_producers_choose(log: Log) -> None:
    allowed = {"topic", "type", "reason", "stage", "partition", "part", "version", "python", "service", "le", "status"}
    text = generate_latest(all_metrics(log).registry).decode()
    assert set(re.findall(r"[{,](\w+)=", text)) <= allowed
