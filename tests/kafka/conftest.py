"""Fixtures for the tests on a real broker."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsloom.access import ROLES
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from tests.kafka.acl_newsroom import AclNewsroom
from tests.kafka.harness import NewLog, log_opener
from tests.kafka.secured_broker import GUEST, SecuredBroker


@pytest.fixture
def new_log(kafka_url: str) -> Iterator[NewLog]:
    """Open logs on the broker, each like another process: `new_log(delivery_timeout_ms="3000")`."""
    with log_opener(kafka_url) as open_log:
        yield open_log


@pytest.fixture
def topics(new_log: NewLog, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Create two empty topics of one partition each."""
    name = f"{request.node.originalname}.{uuid.uuid4().hex[:8]}"
    names = f"{name}.in", f"{name}.out"
    new_log().admin().create([TopicSpec(one, 1, CleanupPolicy.DELETE) for one in names])
    return names


@pytest.fixture(scope="session")
def secured_broker(kafka_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """Start a broker with a user for each role and a guest; none of them has rights yet."""
    broker = SecuredBroker(
        kafka_home, tmp_path_factory.mktemp("secured") / "broker", [GUEST, *(role.name for role in ROLES)]
    )
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def newsroom(secured_broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclNewsroom]:
    """A newsroom that has processed a few articles. Each of its processes had only the rights of its role."""
    newsroom = AclNewsroom(secured_broker, tmp_path_factory.mktemp("guarded"))
    try:
        newsroom.run_all_roles()
        yield newsroom
    finally:
        newsroom.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
