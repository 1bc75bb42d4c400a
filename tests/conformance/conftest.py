"""The logs that the suite runs on.

To add one, write a fixture that yields a `LogHarness` and add its name to `LOGS`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsloom.streaming.log import Admin, CleanupPolicy, Log, TopicSpec
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.harness import SESSION_TIMEOUT_MS, LogHarness, SqliteHarness
from tests.kafka.harness import KafkaHarness
from tests.simulation.broker import Broker
from tests.simulation.harness import SimulatedHarness

LOGS = [
    "sqlite_file",
    "sqlite_memory",
    "simulated",
    "simulated_cooperative",
    pytest.param("kafka", marks=pytest.mark.kafka),
]

NewTopic = Callable[..., str]


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Iterator[LogHarness]:
    url = f"sqlite:///{tmp_path}/log.db"
    harness = SqliteHarness(lambda clock: open_sqlite(url, clock=clock, session_timeout_ms=SESSION_TIMEOUT_MS))
    yield harness
    harness.close()


@pytest.fixture
def sqlite_memory() -> Iterator[LogHarness]:
    logs: list[Log] = []

    def opener(clock: Callable[[], int]) -> Log:
        # A log in memory is the object itself: all users share one.
        if not logs:
            logs.append(open_sqlite("sqlite://", clock=clock, session_timeout_ms=SESSION_TIMEOUT_MS))
        return logs[0]

    harness = SqliteHarness(opener)
    yield harness
    harness.close()


@pytest.fixture
def simulated() -> LogHarness:
    return SimulatedHarness()


@pytest.fixture
def simulated_cooperative() -> LogHarness:
    return SimulatedHarness(Broker(is_eager=False))


@pytest.fixture
def kafka(kafka_url: str) -> Iterator[LogHarness]:
    harness = KafkaHarness(kafka_url)
    yield harness
    harness.close()


@pytest.fixture(params=LOGS)
def harness(request: pytest.FixtureRequest) -> LogHarness:
    found: LogHarness = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def log(harness: LogHarness) -> Log:
    return harness.open()


@pytest.fixture
def admin(log: Log) -> Admin:
    return log.admin()


@pytest.fixture
def unique() -> str:
    """A name that no other test uses, for groups, writers and topics."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def new_topic(admin: Admin, unique: str) -> NewTopic:
    """A function that creates a topic and returns its full name: `new_topic("in", partitions=2, policy=...)`."""

    def create(
        name: str, partitions: int = 1, policy: CleanupPolicy = CleanupPolicy.DELETE, max_record_bytes: int = 1_048_576
    ) -> str:
        full = f"{unique}.{name}"
        admin.create([TopicSpec(full, partitions, policy, max_record_bytes=max_record_bytes)])
        return full

    return create
