"""Fixtures for the traps: a proxy with faults, and logs opened through it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kafka.broker import Broker
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.harness import NewLog, log_opener


@pytest.fixture
def proxy(kafka_broker: Broker) -> Iterator[FaultProxy]:
    """A proxy to the broker that injects faults. Tests check the results without it (`new_log`)."""
    with FaultProxy(int(kafka_broker.url.rpartition(":")[2])) as fault_proxy:
        yield fault_proxy


@pytest.fixture
def proxied_log(proxy: FaultProxy) -> Iterator[NewLog]:
    """Open logs through the proxy, with short timeouts."""
    with log_opener(
        proxy.url, request_timeout_ms="1500", delivery_timeout_ms="2500", reconnect_backoff_max_ms="200", linger_ms="0"
    ) as open_log:
        yield open_log
        proxy.clear_faults()
