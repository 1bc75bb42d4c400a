"""Alerts fire by real faults, in a real Prometheus with the rules as they are, and clear when the fault is over."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from tests.kubernetes.cluster import Cluster
from tests.pods.conftest import measured
from tests.pods.installation import Installation
from tests.pods.kafka import PodKafka
from tests.pods.prometheus import Prometheus, running
from tests.pods.stream import sample
from tests.pods.test_probes import hung_pod

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(3_600)]

FIRES_S_MAX = 900.0
CLEARS_S_MAX = 900.0
BURST = 8_000
"""Articles that take the embedders longer than NewsloomLag waits."""


@pytest.fixture(scope="module")
def prometheus(node: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    if shutil.which("prometheus") is None:
        pytest.skip("needs Prometheus, of the Debian package prometheus")
    with running(node, tmp_path_factory.mktemp("prometheus")) as prometheus:
        yield prometheus


@pytest.fixture
def expect(newsloom: Installation, prometheus: Prometheus) -> Callable[..., None]:
    """Wait until these alerts fire, or have cleared, and print after how long."""

    def wait(*alerts: str, fires: bool = True) -> None:
        begun = time.monotonic()
        seconds = FIRES_S_MAX if fires else CLEARS_S_MAX
        for alert in alerts:
            newsloom.wait(lambda name=alert: (name in prometheus.firing()) == fires, seconds, f"{alert}, {fires=}")  # type: ignore[misc]
            measured(f"{alert} {'fires' if fires else 'has cleared'} after {time.monotonic() - begun:.0f} s")

    return wait


def test_faults_of_single_pods_and_then_a_backlog(
    newsloom: Installation, expect: Callable[..., None], tmp_path: Path
) -> None:
    """The alerts wait for minutes, so the faults of different pods overlap."""
    newsloom.scale("embedder", 0)
    try:
        with closing(open_log_url(newsloom.url)) as log, closing(log.writer("hostile")) as writer:
            writer.write([Message(topic_name(Settings(), ARTICLE_VECTORS), b"any", b"no vector")], Progress(1))
        # It clears an hour later.
        expect("NewsloomDeadLetters")
        with hung_pod(newsloom):
            expect("NewsloomStuck")
            # The kubelet starts the container again.
            expect("NewsloomStuck", fires=False)
        newsloom.newsloom("ingest", str(write_burst(tmp_path / "burst.jsonl")))
        expect("NewsloomAbsent")
    finally:
        newsloom.scale("embedder", 2)
    expect("NewsloomAbsent", fires=False)
    expect("NewsloomLag", "NewsloomLateArticlesFast")
    expect("NewsloomLag", fires=False)


def test_a_broker_that_is_away(kafka: PodKafka, expect: Callable[..., None]) -> None:
    kafka.kill()
    try:
        expect("NewsloomLogUnavailable", "NewsloomNotReady")
    finally:
        kafka.start()
    expect("NewsloomNotReady", "NewsloomLogUnavailable", fires=False)


def write_burst(file: Path) -> Path:
    """Write a file of the sample's articles, each under many ids."""
    articles = sample()
    with file.open("wb") as lines:
        for number in range(BURST):
            article = msgspec.structs.replace(articles[number % len(articles)], id=f"burst-{number}", published_at=None)
            lines.write(msgspec.json.encode(article) + b"\n")
    return file
