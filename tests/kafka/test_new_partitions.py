"""Partitions added to a topic while its consumer group runs must be found and assigned."""

from __future__ import annotations

import uuid

import pytest

from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.options import parse_addresses
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from tests.conformance.clients import Member, partitions_of
from tests.kafka.harness import NewLog

pytestmark = pytest.mark.kafka

LONG_SESSION = {"session_timeout_ms": "10000", "heartbeat_interval_ms": "1000", "metadata_max_age_ms": "1000"}
"""Longer than a restart: the group does not rebalance when a member restarts."""


@pytest.fixture
def topic(new_log: NewLog) -> str:
    name = f"new-partitions-{uuid.uuid4().hex[:8]}"
    new_log().admin().create([TopicSpec(name, 2, CleanupPolicy.DELETE)])
    return name


def add_partitions(kafka_url: str, topic: str, partitions: int) -> None:
    admin = ClientFactory(parse_addresses(kafka_url), {}).admin()
    admin.create_partitions({topic: partitions})
    admin.close()


def test_new_partitions_are_assigned(new_log: NewLog, topic: str, kafka_url: str) -> None:
    member = Member(new_log(**LONG_SESSION), topic, [topic])
    member.poll_until(lambda: member.owned == set(partitions_of(topic, 2)))

    add_partitions(kafka_url, topic, 4)

    member.poll_until(lambda: member.owned == set(partitions_of(topic, 4)))


def test_new_partitions_are_assigned_after_all_members_have_restarted(
    new_log: NewLog, topic: str, kafka_url: str
) -> None:
    """B19: only the leader looks for partitions, and a leader that restarts as a static member does not learn that it leads."""
    members = [Member(new_log(**LONG_SESSION), topic, [topic], instance=name) for name in "ab"]
    a, b = members
    a.poll_until(lambda: len(a.owned) == len(b.owned) == 1, b)
    for member in members:
        member.worker.close()

    add_partitions(kafka_url, topic, 4)
    a, b = (Member(new_log(**LONG_SESSION), topic, [topic], instance=name) for name in "ab")

    a.poll_until(lambda: len(a.owned) == len(b.owned) == 2, b)
