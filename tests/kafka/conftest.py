"""What the tests on a real broker share."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsloom.access import ROLES
from newsloom.streaming.kafka import open_kafka
from newsloom.streaming.log import Log
from tests.kafka.guarded import GuardedNewsroom
from tests.kafka.harness import QUICK, NewLog
from tests.kafka.secured import GUEST, SecuredBroker


@pytest.fixture
def new_log(kafka_url: str) -> Iterator[NewLog]:
    """Opens the broker as another process would: `new_log(delivery_timeout_ms="3000")`."""
    opened: list[Log] = []

    def open_log(**options: str) -> Log:
        opened.append(open_kafka(kafka_url, {**QUICK, "max_poll_interval_ms": "60000", **options}))
        return opened[-1]

    yield open_log
    for log in opened:
        log.close()


@pytest.fixture(scope="session")
def secured_broker(kafka_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker that knows a user for each role and a guest, and lets none of them do anything yet. Started at the first use."""
    broker = SecuredBroker(
        kafka_home, tmp_path_factory.mktemp("secured") / "broker", [GUEST, *(role.name for role in ROLES)]
    )
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def newsroom(secured_broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedNewsroom]:
    """A newsroom at rest, which has worked through a few articles; each process with the rights of its role alone."""
    made = GuardedNewsroom(secured_broker, tmp_path_factory.mktemp("guarded"))
    try:
        made.work()
        yield made
    finally:
        made.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
