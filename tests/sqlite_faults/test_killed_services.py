"""An installation on one file, whose services and ingest are killed and doubled: the result is verified."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from contextlib import closing
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import pytest

from newsloom.service import EXIT_LOG
from newsloom.settings import load_settings
from tests.acceptance.installation import INPUT_TOPICS, Installation
from tests.chaos import reference_run
from tests.chaos.embedder import SLOW_S, VECTORS, cache_vectors, cached_encoder
from tests.chaos.replica_supervisor import REPOSITORY, Replica, ReplicaSupervisor
from tests.chaos.traffic import NAMES, traffic
from tests.kafka.broker import wait_until

PARTITIONS: Final = {"NEWSLOOM_PARTITIONS": "2", "NEWSLOOM_STATE_PARTITIONS": "2"}
REPLICAS: Final = (("embedder", "0"), ("embedder", "1"), ("clusterer", "0"), ("clusterer", "1"))
CHUNKS: Final = 12
INGEST_KILLED_EVERY: Final = 3
REPLACED_EVERY: Final = 4
WAIT_S_MAX: Final = 120.0
PAUSE_S_MAX: Final = 1.0


class FaultyRun:
    """Ingests the articles in chunks, and injects a fault into a replica after each."""

    def __init__(self, installation: Installation, newsroom: ReplicaSupervisor, lines: list[bytes]) -> None:
        self._installation = installation
        self._newsroom = newsroom
        self._lines = lines
        self._file = installation.folder / "traffic.jsonl"
        self._random = random.Random(5)  # noqa: S311 - not for security
        self.kills = 0

    def run(self) -> None:
        self._file.write_bytes(b"")
        for chunk in range(CHUNKS):
            first, last = (len(self._lines) * end // CHUNKS for end in (chunk, chunk + 1))
            with self._file.open("ab") as growing:
                growing.writelines(self._lines[first:last])
            if chunk % INGEST_KILLED_EVERY == 0:
                self._ingest(kill_after_s=self._random.uniform(0.3, 1.5))
            wait_until(lambda: self._ingest() == 0, WAIT_S_MAX, "the ingest to succeed")
            self._inject_fault(self._newsroom.replicas[chunk % len(REPLICAS)], replace=chunk % REPLACED_EVERY == 1)

    def _ingest(self, kill_after_s: float = WAIT_S_MAX) -> int:
        mapped = [argument for pair in NAMES.items() for argument in ("--map", "=".join(pair))]
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "ingest", str(self._file), *mapped],
            env=self._installation.environ(), cwd=REPOSITORY, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            self.kills += 1
            return process.wait()

    def _inject_fault(self, replica: Replica, *, replace: bool) -> None:
        wait_until(lambda: self._works(replica), WAIT_S_MAX, f"{replica.name} to work")
        # A fault hits at any time: wait a random time, not for a condition.
        threading.Event().wait(self._random.uniform(0, PAUSE_S_MAX))
        if replace:
            self._newsroom.replace(replica, self._random.uniform(1, 3))
        else:
            replica.process.signal(signal.SIGKILL)
            self.kills += 1

    def _works(self, replica: Replica) -> bool:
        self._newsroom.check()
        return replica.process.status is None and replica.process.has_started

    def drain(self) -> None:
        with closing(self._installation.open()) as log:

            def is_done() -> bool:
                self._newsroom.check()
                backlog = sum(self._installation.backlog(log, service) for service in INPUT_TOPICS)
                return not backlog and not self._newsroom.zombies

            wait_until(is_done, WAIT_S_MAX, "everything to be done")
        self._newsroom.stop_all()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_installation_with_killed_services_is_verified(tmp_path: Path) -> None:
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = traffic([sample], seed=1)
    installation = Installation(f"sqlite:///{tmp_path}/news.db", "faults.", tmp_path)
    settings = load_settings({"NEWSLOOM_LOG": installation.url, "NEWSLOOM_TOPIC_PREFIX": "faults.", **PARTITIONS})
    cache_vectors(lines, tmp_path / "vectors", settings.model)
    installation.command("topics", "create", **PARTITIONS)
    logs = tmp_path / "logs"
    logs.mkdir()
    own = {VECTORS: str(tmp_path / "vectors"), SLOW_S: "0", "OPENBLAS_NUM_THREADS": "1"}
    newsroom = ReplicaSupervisor(installation.environ(**PARTITIONS, **own), logs)
    try:
        for service, instance in REPLICAS:
            newsroom.add(service, instance)
        run = FaultyRun(installation, newsroom, lines)
        run.run()
        run.drain()
    finally:
        newsroom.kill_all()

    assert newsroom.problems == []
    assert run.kills >= CHUNKS - CHUNKS // REPLACED_EVERY
    assert newsroom.fenced == CHUNKS // REPLACED_EVERY, newsroom.statuses
    assert sum(count for status, count in newsroom.statuses.items() if f" {EXIT_LOG}: " in status) == newsroom.fenced
    verified = installation.command("state", "verify", **PARTITIONS)
    assert "every invariant holds" in verified.stderr
    with closing(installation.open()) as log:
        found = reference_run.Topics.read(log, installation.prefix)
        assert list(reference_run.ingest_problems(lines, found.articles)) == []
        encoder = cached_encoder(tmp_path / "vectors", settings.model)
        assert list(reference_run.embedding_problems(found, encoder, settings)) == []
        calm = reference_run.run_clusterer(found.vectors, settings)
        assert list(reference_run.clustering_differences(found, calm)) == []
