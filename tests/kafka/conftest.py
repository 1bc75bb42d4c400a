"""What the tests on a real broker share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from newsloom.streaming.log import CleanupPolicy, TopicSpec
from tests.kafka.harness import NewLog, opening


@pytest.fixture
def new_log(kafka_url: str) -> Iterator[NewLog]:
    """Opens the broker as another process would: `new_log(delivery_timeout_ms="3000")`."""
    with opening(kafka_url) as open_log:
        yield open_log


@pytest.fixture
def topics(new_log: NewLog, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Two topics of one partition each, empty."""
    name = f"{request.node.originalname}.{uuid.uuid4().hex[:8]}"
    names = f"{name}.in", f"{name}.out"
    new_log().admin().create([TopicSpec(one, 1, CleanupPolicy.DELETE) for one in names])
    return names
