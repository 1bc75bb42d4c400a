"""A cluster in which one of three brokers is down."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsloom.streaming.kafka import open_kafka
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from tests.conformance.clients import Member, numbered, put
from tests.conftest import HOW_TO_RUN
from tests.kafka.broker import find_kafka_home
from tests.kafka.cluster import Cluster

STARTS = 20
"""A third of the starts ask the broker that is down, until the cluster removes it."""


@pytest.mark.slow
@pytest.mark.kafka
def test_a_worker_starts_while_one_broker_is_down(tmp_path: Path) -> None:
    """B20: a consumer asks only one broker for the partitions of its topics and fails if that one is down."""
    home = find_kafka_home(Path(__file__).resolve().parent.parent.parent)
    if home is None:
        pytest.skip(HOW_TO_RUN)
    cluster = Cluster(home, tmp_path)
    try:
        cluster.start()
        log = open_kafka(cluster.url, {})
        log.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
        put(log, numbered("in", 1))
        clients = ClientFactory(parse_addresses(cluster.url), {})

        cluster.brokers[0].kill()

        for _ in range(STARTS):
            consumer = clients.consumer(group_id="group")
            consumer.subscribe(topics=["in"])
            consumer.load_partitions(["in"], timeout_s=20)
            consumer.close()
        assert len(Member(log, "group", ["in"]).take(1)) == 1
        log.close()
    finally:
        cluster.stop()
