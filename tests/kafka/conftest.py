"""What the tests on a real broker share."""

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
    """Opens the broker as another process would: `new_log(delivery_timeout_ms="3000")`."""
    with log_opener(kafka_url) as open_log:
        yield open_log


@pytest.fixture
def topics(new_log: NewLog, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Two topics of one partition each, empty."""
    name = f"{request.node.originalname}.{uuid.uuid4().hex[:8]}"
    names = f"{name}.in", f"{name}.out"
    new_log().admin().create([TopicSpec(one, 1, CleanupPolicy.DELETE) for one in names])
    return names


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
def newsroom(secured_broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclNewsroom]:
    """A newsroom at rest, which has worked through a few articles; each process with the rights of its role alone."""
    made = AclNewsroom(secured_broker, tmp_path_factory.mktemp("guarded"))
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
