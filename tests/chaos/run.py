"""One run: start a cluster and the services, ingest articles, inject faults, stop the faults, and check the topics."""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from newsloom.log_names import group_name, topic_name, topic_specs
from newsloom.settings import load_settings
from newsloom.streaming.errors import LogError
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from services.verifier.verification import find_violations
from tests.acceptance.installation import INPUT_TOPICS
from tests.chaos import reference_run
from tests.chaos.broker_faults import BrokerFaultInjector
from tests.chaos.embedder import SLOW_S as SLOW_S_VARIABLE
from tests.chaos.embedder import VECTORS, cached_encoder
from tests.chaos.ingest_loop import IngestLoop
from tests.chaos.replica_supervisor import ReplicaSupervisor
from tests.chaos.run_progress import RunProgress
from tests.chaos.service_faults import POLL_INTERVAL_MS, SLOW_S, ServiceFaultInjector, plan_faults
from tests.kafka.broker import wait_until
from tests.kafka.cluster import Cluster

PREFIX: Final = "chaos."
PARTITIONS, STATE_PARTITIONS = 3, 3
REPLICAS: Final = {"embedder": 2, "clusterer": 2}
DRAIN_S_MAX: Final = 900.0
JOIN_S_MAX: Final = 900.0
PROGRESS_INTERVAL_S: Final = 15.0
WATCH_INTERVAL_S: Final = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class ChaosConfig:
    """Number of kills of services, of kills or restarts of brokers, the seed, the lines to ingest, the folder of the vectors."""

    kills: int
    brokers: int
    seed: int
    lines: list[bytes]
    vectors: Path


@dataclass(kw_only=True)
class ChaosResult:
    """The result of a run."""

    config: ChaosConfig
    chaos_s: float = 0.0
    drain_s: float = 0.0
    verify_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    records: dict[str, int] = field(default_factory=dict)
    checks: list[tuple[str, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


OnProgress = Callable[[str], None]


def run(config: ChaosConfig, home: Path, on_progress: OnProgress) -> ChaosResult:
    """Do the whole run; `problems` of the result lists what went wrong. `home` is the folder of Kafka."""
    with tempfile.TemporaryDirectory(prefix="newsloom-chaos-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(home, Path(folder) / "kafka")
        try:
            on_progress("starting three brokers")
            cluster.start()
            return _Run(config, cluster, Path(folder), on_progress).run()
        finally:
            cluster.stop()


class _Run:
    def __init__(self, config: ChaosConfig, cluster: Cluster, folder: Path, on_progress: OnProgress) -> None:
        self._config = config
        self._cluster = cluster
        self._folder = folder
        self._on_progress = on_progress
        self._result = ChaosResult(config=config)
        environ = {
            "NEWSLOOM_LOG": cluster.url,
            "NEWSLOOM_TOPIC_PREFIX": PREFIX,
            "NEWSLOOM_PARTITIONS": str(PARTITIONS),
            "NEWSLOOM_STATE_PARTITIONS": str(STATE_PARTITIONS),
            "NEWSLOOM_KAFKA_MAX_POLL_INTERVAL_MS": str(POLL_INTERVAL_MS),
        }
        self._settings = load_settings(environ)
        services = {**environ, VECTORS: str(config.vectors), SLOW_S_VARIABLE: str(SLOW_S), "OPENBLAS_NUM_THREADS": "1"}
        others = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
        logs = folder / "logs"
        logs.mkdir()
        self._replicas = ReplicaSupervisor({**others, **services}, logs)
        rng = random.Random(config.seed)  # noqa: S311 - nothing secret
        plan = plan_faults(config.kills, rng)
        self._progress = RunProgress(len(plan))
        self._service_faults = ServiceFaultInjector(self._replicas, self._progress, plan, rng)
        self._ingest_loop = IngestLoop(
            config.lines,
            cluster.url,
            PREFIX,
            {**others, **environ},
            folder / "traffic.jsonl",
            self._progress,
            config.seed,
        )
        self._broker_faults = BrokerFaultInjector(cluster, self._progress, config.brokers, PREFIX, config.seed)
        self._errors: list[str] = []
        self._is_chaos = True
        self._last_progress = 0.0

    def run(self) -> ChaosResult:
        with closing(open_log_url(self._cluster.url)) as log:
            log.admin().create(topic_specs(self._settings))
        try:
            self._chaos()
            self._drain()
        finally:
            self._replicas.kill_all()
        result = self._result
        result.counts = self._progress.counts
        result.counts["zombies fenced by their successor"] = self._replicas.fenced
        result.statuses, result.events = self._replicas.statuses, self._replicas.events()
        result.problems += [*self._errors, *self._replicas.problems]
        self._verify()
        return result

    def _chaos(self) -> None:
        begun = time.monotonic()
        for service, count in REPLICAS.items():
            for instance in range(count):
                self._replicas.add(service, str(instance))
        threads = [
            self._thread(self._ingest_loop.run),
            self._thread(self._broker_faults.run),
            self._thread(self._print_progress),
            self._thread(self._watch_backlogs),
        ]
        try:
            self._service_faults.run()
        except RuntimeError as error:
            self._abort(error)
        ingesting, injecting, printing, watching = threads
        self._join(ingesting)
        self._join(injecting)
        self._is_chaos = False
        self._join(printing)
        self._join(watching)
        self._replicas.resume_all()
        self._result.chaos_s = time.monotonic() - begun

    def _thread(self, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except Exception as error:  # noqa: BLE001 - any error is a problem of the run
                self._abort(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread

    def _abort(self, error: Exception) -> None:
        self._errors.append(f"the run was aborted: {error!r}")
        self._progress.stop()

    def _join(self, thread: threading.Thread) -> None:
        deadline = time.monotonic() + JOIN_S_MAX
        while thread.is_alive() and time.monotonic() < deadline:
            self._replicas.check()
            thread.join(0.1)

    def _print_progress(self) -> None:
        begun = last = time.monotonic()
        while self._is_chaos and not self._progress.stopped:
            if time.monotonic() - last >= PROGRESS_INTERVAL_S:
                last = time.monotonic()
                self._on_progress(
                    f"{last - begun:5.0f} s  {self._progress.fraction:4.0%}  {dict(sorted(self._progress.counts.items()))}"
                )
            # Check often enough to end soon after the run.
            time.sleep(0.2)

    def _watch_backlogs(self) -> None:
        """Keep `backlogs` of the run's progress up to date."""
        while self._is_chaos and not self._progress.stopped:
            try:
                with closing(open_log_url(self._cluster.url)) as log:
                    while self._is_chaos and not self._progress.stopped:
                        for service in INPUT_TOPICS:
                            self._progress.backlogs[service] = self._backlog(log, service)
                        # Not more often: each query costs the brokers time.
                        time.sleep(WATCH_INTERVAL_S)
            except LogError:
                self._progress.backlogs.clear()

    def _drain(self) -> None:
        """Run without faults until every record is processed, then stop all replicas."""
        begun = time.monotonic()
        self._on_progress("no more faults: waiting until every record is processed")
        try:
            wait_until(self._is_done, DRAIN_S_MAX, "the services to process every record")
        except TimeoutError as error:
            self._errors.append(str(error))
        self._replicas.stop_all()
        self._result.drain_s = time.monotonic() - begun

    def _is_done(self) -> bool:
        self._replicas.check()
        with suppress(LogError), closing(open_log_url(self._cluster.url)) as log:
            left = {service: self._backlog(log, service) for service in INPUT_TOPICS}
            if time.monotonic() - self._last_progress >= PROGRESS_INTERVAL_S:
                self._last_progress = time.monotonic()
                self._on_progress(f"backlog: {left}; zombies: {len(self._replicas.zombies)}")
            return not self._replicas.zombies and not any(left.values())
        return False

    def _backlog(self, log: Log, service: str) -> int:
        topics = [topic_name(self._settings, topic) for topic in INPUT_TOPICS[service]]
        return log.admin().backlog(group_name(self._settings, service), topics)

    def _verify(self) -> None:
        begun = time.monotonic()
        self._on_progress("checking the topics")
        with closing(open_log_url(self._cluster.url)) as log:
            found = reference_run.Topics.read(log, PREFIX)
            self._result.records = {name: len(getattr(found, name)) for name in found.__slots__}
            expected = reference_run.run_clusterer(found.vectors, self._settings)
            self._check(
                "each line of the file is on articles once, in order",
                reference_run.ingest_problems(self._config.lines, found.articles),
            )
            self._check(
                "article-vectors: each accepted article once, in order, as the embedder's step gives it",
                reference_run.embedding_problems(
                    found, cached_encoder(self._config.vectors, self._settings.model), self._settings
                ),
            )
            self._check(
                "updates, stories, state and dead letters as in a reference run",
                reference_run.clustering_differences(found, expected),
            )
            self._check("newsloom state verify", iter(find_violations(log, self._settings)))
        self._result.verify_s = time.monotonic() - begun

    def _check(self, what: str, violations: Iterator[str]) -> None:
        found = list(violations)
        self._on_progress(f"{what}: {len(found) or 'no'} problems")
        self._result.checks.append((what, len(found)))
        self._result.problems += [f"{what}: {problem}" for problem in found]
