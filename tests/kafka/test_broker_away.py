"""An idle worker notices that its broker is away, as long as it is, and that it is back."""

from __future__ import annotations

import pytest

from newsloom.streaming.errors import LogUnavailable
from newsloom.streaming.log import Worker
from newsloom.streaming.records import TopicPartition
from tests.conformance.clients import Member, steps
from tests.kafka.broker import Broker
from tests.kafka.harness import NewLog

pytestmark = pytest.mark.kafka


def is_available(worker: Worker) -> bool:
    try:
        worker.poll(max_records=10, timeout_ms=500)
    except LogUnavailable:
        return False
    return True


def test_an_idle_worker_reports_it_at_each_poll(kafka_broker: Broker, new_log: NewLog, topics: tuple[str, str]) -> None:
    source, _ = topics
    member = Member(new_log(), source, [source])
    member.poll_until(lambda: member.poll().backlog == {TopicPartition(source, 0): 0})

    kafka_broker.kill()
    try:
        for _ in steps("the worker to notice that the broker is away"):
            if not is_available(member.worker):
                break
        assert [is_available(member.worker) for _ in range(10)] == [False] * 10
    finally:
        kafka_broker.start()
    for _ in steps("the worker to notice that the broker is back"):
        if is_available(member.worker):
            break
