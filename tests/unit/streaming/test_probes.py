"""Metrics and probes over HTTP, as Prometheus and Kubernetes read them."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from newsloom.streaming.errors import CommitFailed, ConfigurationError, LogUnavailable
from newsloom.streaming.lag import Lag
from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec, Worker
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.open import open_log_url
from newsloom.streaming.probes import Probes
from newsloom.streaming.readiness import BEHIND_S_MAX, Readiness
from newsloom.streaming.records import Batch, Message, TopicPartition
from newsloom.streaming.restore import RECORDS_MAX, RestoreProgress
from newsloom.streaming.watchdog import Watchdog
from services.clusterer.rebuild_progress import RebuildProgress
from tests.conformance.clients import numbered, put
from tests.unit.streaming.tally import GROUP, IN, LETTERS, UNREADABLE, Tally, create_topics


@pytest.fixture
def log() -> Iterator[Log]:
    log = open_log_url("sqlite://")
    create_topics(log)
    yield log
    log.close()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def watchdog() -> Watchdog:
    return Watchdog(ticks_max=3, on_hang=lambda: pytest.fail("ended before it was unhealthy"))


@pytest.fixture
def readiness() -> Readiness:
    """Of a service that has loaded what it needs."""
    readiness = Readiness()
    readiness.has_started = True
    return readiness


@pytest.fixture
def probes(metrics: Metrics, watchdog: Watchdog, readiness: Readiness) -> Iterator[Probes]:
    probes = Probes("127.0.0.1", 0, metrics.registry, watchdog, readiness)
    probes.start()
    yield probes
    probes.close()


def get(probes: Probes, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{probes.port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def sample(probes: Probes, name: str) -> float:
    status, text = get(probes, "/metrics")
    assert status == 200
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def loop_of(
    log: Log,
    step: Tally,
    metrics: Metrics,
    watchdog: Watchdog,
    readiness: Readiness,
    *,
    worker: Worker | None = None,
) -> Loop:
    config = LoopConfig(service="tally", dead_letter_topic=LETTERS, dead_letter_share_max=1, records_max=100)
    worker = worker or log.worker(group=GROUP, instance="0", topics=step.input_topics)
    stop = threading.Event()
    stop.set()
    return Loop(worker, step, config, stop=stop, watchdog=watchdog, metrics=metrics, readiness=readiness)


def test_commits_are_counted(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    put(log, [*numbered(IN, 5), Message(IN, None, UNREADABLE)])
    loop_of(log, Tally(log), metrics, watchdog, readiness).run_once()

    assert sample(probes, 'newsloom_records_total{topic="in"}') == 6
    assert sample(probes, "newsloom_messages_total") == 5
    assert sample(probes, "newsloom_dead_letters_total") == 1
    assert sample(probes, "newsloom_batches_total") == 1
    assert sample(probes, "newsloom_poll_to_commit_seconds_count") == 1
    assert sample(probes, "newsloom_partitions") == 1


def test_it_is_ready_when_all_gained_partitions_are_restored(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    put(log, numbered(IN, 1))
    seen: list[int] = []

    class ProbedTally(Tally):
        def restore(self, partition: int) -> None:
            seen.append(get(probes, "/readyz")[0])
            super().restore(partition)

    assert get(probes, "/readyz")[0] == 503, "not polled yet"
    loop_of(log, ProbedTally(log), metrics, watchdog, readiness).run_once()

    assert seen == [503], "not while it restores"
    assert get(probes, "/readyz") == (200, "ok\n")


def test_it_is_ready_once_it_has_caught_up(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    # One record more than a batch, which arrived before the bound.
    put(log, [replace(one, timestamp_ms=1_000) for one in numbered(IN, 101)])
    readiness.lag = Lag(clock=lambda: 1.001 + BEHIND_S_MAX)
    loop = loop_of(log, Tally(log), metrics, watchdog, readiness)

    loop.run_once()
    assert get(probes, "/readyz") == (503, "more than 60 s behind: records that are not processed: 1\n")
    loop.run_once()
    assert get(probes, "/readyz")[0] == 200


def test_it_is_not_ready_before_the_log_has_said_what_is_left(readiness: Readiness, probes: Probes) -> None:
    readiness.has_joined = True
    readiness.lag.on_poll(Batch(), {TopicPartition(IN, 0)})
    assert get(probes, "/readyz") == (503, "the log has not said how many records are left in each partition\n")


def test_a_backlog_that_arrived_within_the_bound_leaves_it_ready(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    put(log, [replace(one, timestamp_ms=1_000) for one in numbered(IN, 101)])
    readiness.lag = Lag(clock=lambda: 1.0 + BEHIND_S_MAX)
    loop_of(log, Tally(log), metrics, watchdog, readiness).run_once()
    assert get(probes, "/readyz")[0] == 200


class AwayWorker:
    """A worker whose log is away at its second poll."""

    def __init__(self) -> None:
        self._polls = 0

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:  # noqa: ARG002 - the signature of the port
        self._polls += 1
        if self._polls == 2:
            raise LogUnavailable("away")
        return Batch()

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None: ...

    def close(self) -> None: ...


def test_it_is_not_ready_while_the_log_is_unavailable(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    loop = loop_of(log, Tally(log), metrics, watchdog, readiness, worker=AwayWorker())
    loop.run_once()
    assert get(probes, "/readyz")[0] == 200
    loop.run_once()
    assert get(probes, "/readyz") == (503, "the log is unavailable\n")
    assert get(probes, "/healthz")[0] == 200, "a restart does not bring it back"
    loop.run_once()
    assert get(probes, "/readyz")[0] == 200


class LateWorker:
    """A worker whose group assigns its partitions some polls later, as with a broker."""

    def __init__(self, polls: list[Batch]) -> None:
        self._polls = polls

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:  # noqa: ARG002 - the signature of the port
        return self._polls.pop(0)

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None: ...

    def close(self) -> None: ...


def test_it_is_not_ready_before_its_group_has_assigned_the_partitions(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    source = TopicPartition(IN, 0)
    given = Batch(gained=frozenset({source}), backlog={source: 0})
    gone = Batch(lost=frozenset({source}), joined=False)
    worker = LateWorker([Batch(joined=False), given, gone])
    loop = loop_of(log, Tally(log), metrics, watchdog, readiness, worker=worker)

    loop.run_once()
    assert get(probes, "/readyz")[0] == 503, "no partitions assigned yet"
    loop.run_once()
    assert get(probes, "/readyz")[0] == 200
    loop.run_once()
    assert get(probes, "/readyz")[0] == 503, "the membership has ended"


def test_a_spare_replica_is_ready_without_a_partition(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    loop_of(log, Tally(log), metrics, watchdog, readiness, worker=LateWorker([Batch()])).run_once()

    assert get(probes, "/readyz")[0] == 200
    assert sample(probes, "newsloom_partitions") == 0


def test_after_a_failed_commit_it_is_not_ready_until_the_state_is_restored(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    put(log, numbered(IN, 2))
    step = Tally(log)
    loop = loop_of(log, step, metrics, watchdog, readiness)

    def fail() -> None:
        step.during = lambda: None
        raise CommitFailed("outcome unknown")

    step.during = fail
    loop.run_once()

    assert get(probes, "/readyz")[0] == 503
    assert sample(probes, "newsloom_commits_failed_total") == 1


def test_it_is_healthy_while_the_watchdog_gets_beats(watchdog: Watchdog, probes: Probes) -> None:
    watchdog.tick()
    assert get(probes, "/healthz") == (200, "ok\n")
    watchdog.tick()
    assert get(probes, "/healthz") == (503, "no progress for 2 s\n")
    watchdog.beat()
    assert get(probes, "/healthz")[0] == 200


def test_a_stuck_step_makes_it_unhealthy_until_it_goes_on(
    log: Log, metrics: Metrics, watchdog: Watchdog, readiness: Readiness, probes: Probes
) -> None:
    put(log, numbered(IN, 1))
    is_stuck, may_go_on = threading.Event(), threading.Event()

    def hang() -> None:
        is_stuck.set()
        assert may_go_on.wait(60)

    loop = loop_of(log, Tally(log, during=hang), metrics, watchdog, readiness)
    thread = threading.Thread(target=loop.run_once)
    thread.start()
    assert is_stuck.wait(60)
    assert get(probes, "/healthz")[0] == 200
    watchdog.tick()
    watchdog.tick()
    assert get(probes, "/healthz") == (503, "no progress for 2 s\n")
    may_go_on.set()
    thread.join()
    assert get(probes, "/healthz")[0] == 200


def test_a_restore_shows_its_progress(log: Log, metrics: Metrics, watchdog: Watchdog, probes: Probes) -> None:
    progress = RestoreProgress(watchdog, metrics)
    progress.begin(3)
    log.admin().create([TopicSpec("news.stories", 4, CleanupPolicy.DELETE)])
    put(log, numbered("news.stories", 4 * RECORDS_MAX, partition=3))
    records = progress.read_to_end(log, TopicPartition("news.stories", 3))
    for _ in range(RECORDS_MAX + 1):
        next(records)
    RebuildProgress(progress).advance(3, 40, 80)

    assert sample(probes, 'newsloom_restore_fraction{part="news.stories",partition="3"}') == 0.25
    assert sample(probes, 'newsloom_restore_fraction{part="build",partition="3"}') == 0.5
    assert sample(probes, 'newsloom_restored_articles{partition="3"}') == 40
    assert sample(probes, "newsloom_restore_records_total") == RECORDS_MAX


def test_another_path_lists_the_valid_ones(probes: Probes) -> None:
    assert get(probes, "/") == (404, "not found: use /metrics, /startupz, /healthz or /readyz\n")


def test_a_port_in_use_is_named(metrics: Metrics, watchdog: Watchdog, readiness: Readiness) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigurationError,
            match=rf"ADDRESS=127.0.0.1 NEWSLOOM_METRICS_PORT={port}: cannot listen there: Address already",
        ):
            Probes("127.0.0.1", port, metrics.registry, watchdog, readiness)
