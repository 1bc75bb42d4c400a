"""What the tests on a real broker share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsloom.streaming.kafka import open_kafka
from newsloom.streaming.log import Log
from tests.kafka.harness import QUICK, NewLog


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
