"""A worker that is closed leaves its group, long before its session ends, unless it is the only member."""

from __future__ import annotations

from collections import Counter

import pytest

from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec
from newsloom.streaming.records import Message
from tests.conformance.clients import Member, numbered, partitions_of, put, read_to_end, values
from tests.kafka.harness import NewLog

pytestmark = pytest.mark.kafka

# Longer than the test may take.
LONG_SESSION = {"session_timeout_ms": "300000", "heartbeat_interval_ms": "500"}


def create(log: Log, *topics: str) -> None:
    log.admin().create([TopicSpec(topic, 2, CleanupPolicy.DELETE) for topic in topics])


def test_the_others_get_its_partitions_and_it_gets_them_back(new_log: NewLog, request: pytest.FixtureRequest) -> None:
    log, name = new_log(**LONG_SESSION), request.node.name
    source, out = f"{name}.in", f"{name}.out"
    create(log, source, out)
    stays, leaves = Member(log, source, [source]), Member(new_log(**LONG_SESSION), source, [source], instance="1")
    stays.poll_until(lambda: len(stays.owned) == len(leaves.owned) == 1, leaves)
    put(log, [*numbered(source, 2, partition=0), *numbered(source, 2, start=2, partition=1)])

    leaves.worker.close()
    stays.take(4, lambda record: [Message(out, record.key, record.value)])
    back = Member(new_log(**LONG_SESSION), source, [source], instance="1")
    stays.poll_until(lambda: len(stays.owned) == len(back.owned) == 1, back)

    copied = read_to_end(log.reader(partitions_of(out, 2), start="earliest"))
    assert Counter(values(copied)) == Counter([b"0", b"1", b"2", b"3"])


def test_the_only_member_keeps_its_membership_until_it_is_back(new_log: NewLog, request: pytest.FixtureRequest) -> None:
    log, name = new_log(**LONG_SESSION), request.node.name
    create(log, f"{name}.in")
    member = Member(log, name, [f"{name}.in"])
    member.poll_until(lambda: len(member.owned) == 2)
    member.worker.close()
    back = Member(new_log(**LONG_SESSION), name, [f"{name}.in"])
    back.poll_until(lambda: back.owned == set(partitions_of(f"{name}.in", 2)))
