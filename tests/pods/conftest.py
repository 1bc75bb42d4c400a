"""A node with real pods, a broker that they reach, and newsloom running there."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.kubernetes.cluster import NAMESPACE, Cluster
from tests.kubernetes.conftest import kubernetes_home
from tests.pods.installation import NAMES, Installation
from tests.pods.kafka import PodKafka

__all__ = ["kubernetes_home"]

SELECTED: Final = "app.kubernetes.io/name=newsloom"
IMAGES: Final = ("cli", "clusterer", "embedder", "storypage")
HOW_TO_RUN: Final = (
    "needs root and NEWSLOOM_TEST_IMAGES=FOLDER with an archive of each image (cli.tar ...): `make images` builds them"
)


@pytest.fixture(scope="session")
def images() -> list[Path]:
    """Return the archives of the images."""
    folder = os.environ.get("NEWSLOOM_TEST_IMAGES")
    archives = [Path(folder or "") / f"{name}.tar" for name in IMAGES]
    if not folder or os.geteuid() != 0 or not all(archive.is_file() for archive in archives):
        pytest.skip(HOW_TO_RUN)
    return archives


@pytest.fixture(scope="session")
def node(images: list[Path], kubernetes_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with one real node that has the images."""
    cluster = Cluster(kubernetes_home, tmp_path_factory.mktemp("node"))
    try:
        cluster.start("--node", "--fake", "0")
        cluster.favour_node()
        cluster.node("load", *map(str, images))
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def kafka(node: Cluster, kafka_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodKafka]:
    """A broker that pods reach."""
    directory = tmp_path_factory.mktemp("kafka") / "broker"
    broker = PodKafka(kafka_home, directory, node, password="first")  # noqa: S106 - the broker exists for one test run only
    try:
        broker.start()
        broker.show()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def installed(node: Cluster, kafka: PodKafka, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """newsloom with two replicas of each service, the story page and the producers, all Ready. Tests leave it so."""
    installation = Installation(node, kafka.url)
    installation.apply(tmp_path_factory.mktemp("overlay"), replicas=2)
    installation.wait_rolled_out()
    installation.wait_rolled_out("storypage", "feeds")
    installation.wait_rolled_out("ingest", kind="deployment")
    return installation


@pytest.fixture
def newsloom(installed: Installation) -> Installation:
    """newsloom as `installed`, restored to two Ready replicas of each service before the test."""
    for service in NAMES:
        installed.scale(service, 2)
    installed.wait_rolled_out()
    return installed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the pods and their last log lines with a failure."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("node")
    if call.when == "call" and report.failed and isinstance(cluster, Cluster):
        for arguments in (("get", "pods", "-o", "wide"), ("logs", "-l", SELECTED, "--prefix", "--tail=8")):
            shown = cluster.try_kubectl("-n", NAMESPACE, *arguments)
            report.sections.append((" ".join(arguments), shown.stdout + shown.stderr))
    return report


def measured(line: str) -> None:
    """Print a figure of a test; `make pods` shows it."""
    print(f"\n  measured: {line}")
