"""One run: a cluster, a newsroom on it, a feed, blows to all of them, peace, and the proof."""

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
from tests.acceptance.installation import INPUTS
from tests.chaos import verifying
from tests.chaos.breaking import Breaker
from tests.chaos.embedder import SLOW_S as SLOW_S_VARIABLE
from tests.chaos.embedder import VECTORS, kept_vectors
from tests.chaos.feeding import Feed
from tests.chaos.newsroom import Newsroom
from tests.chaos.pace import Pace
from tests.chaos.striking import POLL_INTERVAL_MS, SLOW_S, Striker, blows
from tests.kafka.broker import wait_until
from tests.kafka.cluster import Cluster

PREFIX: Final = "chaos."
PARTITIONS, STATE_PARTITIONS = 3, 3
REPLICAS: Final = {"embedder": 2, "clusterer": 2}
DRAIN_S_MAX: Final = 900.0
JOIN_S_MAX: Final = 900.0
REPORT_EVERY_S: Final = 15.0
WATCH_EVERY_S: Final = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is asked for: kills of services, kills or restarts of brokers, the seed, the lines, the folder of the vectors."""

    kills: int
    brokers: int
    seed: int
    lines: list[bytes]
    vectors: Path


@dataclass(kw_only=True)
class Outcome:
    """What came of it."""

    request: Request
    chaos_s: float = 0.0
    drain_s: float = 0.0
    verify_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    records: dict[str, int] = field(default_factory=dict)
    checks: list[tuple[str, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


Tell = Callable[[str], None]


def run(request: Request, home: Path, tell: Tell) -> Outcome:
    """Do it all; what is wrong stands in the outcome's `problems`. `home` is where Kafka is."""
    with tempfile.TemporaryDirectory(prefix="newsloom-chaos-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(home, Path(folder) / "kafka")
        try:
            tell("starting three brokers")
            cluster.start()
            return _Run(request, cluster, Path(folder), tell).run()
        finally:
            cluster.stop()


class _Run:
    def __init__(self, request: Request, cluster: Cluster, folder: Path, tell: Tell) -> None:
        self._request = request
        self._cluster = cluster
        self._folder = folder
        self._tell = tell
        self._outcome = Outcome(request=request)
        environ = {
            "NEWSLOOM_LOG": cluster.url,
            "NEWSLOOM_TOPIC_PREFIX": PREFIX,
            "NEWSLOOM_PARTITIONS": str(PARTITIONS),
            "NEWSLOOM_STATE_PARTITIONS": str(STATE_PARTITIONS),
            "NEWSLOOM_KAFKA_MAX_POLL_INTERVAL_MS": str(POLL_INTERVAL_MS),
        }
        self._settings = load_settings(environ)
        services = {**environ, VECTORS: str(request.vectors), SLOW_S_VARIABLE: str(SLOW_S), "OPENBLAS_NUM_THREADS": "1"}
        others = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
        logs = folder / "logs"
        logs.mkdir()
        self._newsroom = Newsroom({**others, **services}, logs)
        choice = random.Random(request.seed)  # noqa: S311 - nothing secret
        plan = blows(request.kills, choice)
        self._pace = Pace(len(plan))
        self._striker = Striker(self._newsroom, self._pace, plan, choice)
        self._feed = Feed(
            request.lines,
            cluster.url,
            PREFIX,
            {**others, **environ},
            folder / "traffic.jsonl",
            self._pace,
            request.seed,
        )
        self._breaker = Breaker(cluster, self._pace, request.brokers, PREFIX, request.seed)
        self._errors: list[str] = []
        self._reporting = True
        self._told_at = 0.0

    def run(self) -> Outcome:
        with closing(open_log_url(self._cluster.url)) as log:
            log.admin().create(topic_specs(self._settings))
        try:
            self._chaos()
            self._drain()
        finally:
            self._newsroom.kill()
        outcome = self._outcome
        outcome.counts = self._pace.counts
        outcome.counts["zombies turned away by their successor"] = self._newsroom.fenced
        outcome.statuses, outcome.events = self._newsroom.statuses, self._newsroom.events()
        outcome.problems += [*self._errors, *self._newsroom.problems]
        self._verify()
        return outcome

    def _chaos(self) -> None:
        begun = time.monotonic()
        for service, count in REPLICAS.items():
            for instance in range(count):
                self._newsroom.add(service, str(instance))
        threads = [
            self._thread(self._feed.run),
            self._thread(self._breaker.run),
            self._thread(self._report),
            self._thread(self._watch),
        ]
        try:
            self._striker.run()
        except RuntimeError as error:
            self._break_off(error)
        feeding, breaking, reporting, watching = threads
        self._join(feeding)
        self._join(breaking)
        self._reporting = False
        self._join(reporting)
        self._join(watching)
        self._newsroom.wake_all()
        self._outcome.chaos_s = time.monotonic() - begun

    def _thread(self, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except Exception as error:  # noqa: BLE001 - told in the outcome, whatever it is
                self._break_off(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread

    def _break_off(self, error: Exception) -> None:
        self._errors.append(f"the run was broken off: {error!r}")
        self._pace.stop()

    def _join(self, thread: threading.Thread) -> None:
        deadline = time.monotonic() + JOIN_S_MAX
        while thread.is_alive() and time.monotonic() < deadline:
            self._newsroom.tend()
            thread.join(0.1)

    def _report(self) -> None:
        begun = last = time.monotonic()
        while self._reporting and not self._pace.stopped:
            if time.monotonic() - last >= REPORT_EVERY_S:
                last = time.monotonic()
                self._tell(
                    f"{last - begun:5.0f} s  {self._pace.fraction:4.0%}  {dict(sorted(self._pace.counts.items()))}"
                )
            # How often it looks whether it is time to report, or over.
            time.sleep(0.2)

    def _watch(self) -> None:
        """Keep the pace informed of what waits for whom."""
        while self._reporting and not self._pace.stopped:
            try:
                with closing(open_log_url(self._cluster.url)) as log:
                    while self._reporting and not self._pace.stopped:
                        for service in INPUTS:
                            self._pace.waiting[service] = self._backlog(log, service)
                        # A look at every partition costs the brokers something: not more often.
                        time.sleep(WATCH_EVERY_S)
            except LogError:
                self._pace.waiting.clear()

    def _drain(self) -> None:
        """Peace: everybody is there until nothing is left to do, then ends in good order."""
        begun = time.monotonic()
        self._tell("peace: waiting until all is done")
        try:
            wait_until(self._is_done, DRAIN_S_MAX, "the services to take in all there is")
        except TimeoutError as error:
            self._errors.append(str(error))
        self._newsroom.end()
        self._outcome.drain_s = time.monotonic() - begun

    def _is_done(self) -> bool:
        self._newsroom.tend()
        with suppress(LogError), closing(open_log_url(self._cluster.url)) as log:
            left = {service: self._backlog(log, service) for service in INPUTS}
            if time.monotonic() - self._told_at >= REPORT_EVERY_S:
                self._told_at = time.monotonic()
                self._tell(f"left to do: {left}; zombies: {len(self._newsroom.zombies)}")
            return not self._newsroom.zombies and not any(left.values())
        return False

    def _backlog(self, log: Log, service: str) -> int:
        topics = [topic_name(self._settings, topic) for topic in INPUTS[service]]
        return log.admin().backlog(group_name(self._settings, service), topics)

    def _verify(self) -> None:
        begun = time.monotonic()
        self._tell("verifying")
        with closing(open_log_url(self._cluster.url)) as log:
            found = verifying.Topics.read(log, PREFIX)
            self._outcome.records = {name: len(getattr(found, name)) for name in found.__slots__}
            calm = verifying.undisturbed(found.vectors, self._settings)
            self._check(
                "each line of the file on articles once, in order",
                verifying.ingest_problems(self._request.lines, found.articles),
            )
            self._check(
                "article-vectors: each accepted article once, in order, as the embedder's step gives it",
                verifying.embedding_problems(
                    found, kept_vectors(self._request.vectors, self._settings.model), self._settings
                ),
            )
            self._check(
                "updates, stories, state and dead letters as in an undisturbed run",
                verifying.clustering_differences(found, calm),
            )
            self._check("newsloom state verify", iter(find_violations(log, self._settings)))
        self._outcome.verify_s = time.monotonic() - begun

    def _check(self, what: str, violations: Iterator[str]) -> None:
        found = list(violations)
        self._tell(f"{what}: {len(found) or 'no'} problems")
        self._outcome.checks.append((what, len(found)))
        self._outcome.problems += [f"{what}: {problem}" for problem in found]
