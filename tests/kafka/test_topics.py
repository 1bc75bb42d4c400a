"""Topics created by an operator with unsuitable settings."""

from __future__ import annotations

import time
from contextlib import closing
from uuid import uuid4

import pytest

from newsloom.streaming.errors import ClockRefused
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from newsloom.streaming.topic_check import topic_problems
from tests.conformance.clients import Member, numbered, put, read_all

pytestmark = pytest.mark.kafka


def test_a_state_topic_that_also_deletes_by_age_is_refused(kafka_url: str) -> None:
    wanted = TopicSpec(name=f"state-{uuid4().hex}", partitions=1, policy=CleanupPolicy.COMPACT)
    existing = TopicSpec(
        name=wanted.name, partitions=1, policy=CleanupPolicy.COMPACT, config={"cleanup.policy": "compact,delete"}
    )
    with closing(open_log_url(kafka_url)) as log:
        log.admin().create([existing])
        (problem,) = topic_problems(log.admin(), [wanted], [])
    assert problem.startswith(f"topic {wanted.name} has cleanup policy delete, needs compact")


@pytest.mark.parametrize("compression", ["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"])
def test_each_compression_of_the_broker_is_accepted(kafka_url: str, compression: str) -> None:
    spec = TopicSpec(f"compression-{uuid4().hex}", 1, CleanupPolicy.DELETE, config={"compression.type": compression})
    with closing(open_log_url(kafka_url)) as log:
        log.admin().create([spec])
        assert log.admin().describe([spec.name])[spec.name].config == {"compression.type": compression}
        assert topic_problems(log.admin(), [spec], []) == []


def test_a_message_from_the_future_of_the_broker_is_refused_as_a_wrong_clock(kafka_url: str) -> None:
    spec = TopicSpec(f"clock-{uuid4().hex}", 1, CleanupPolicy.DELETE)
    with closing(open_log_url(kafka_url)) as log:
        log.admin().create([spec])
        with closing(log.writer("writer")) as writer:
            future_ms = time.time_ns() // 1_000_000 + 2 * 3_600_000
            with pytest.raises(
                ClockRefused, match=rf"topic {spec.name} rejects the time of a message, 20.* the clock of"
            ):
                writer.write([Message(spec.name, b"k", b"v", timestamp_ms=future_ms)], Progress(1))
            assert writer.progress() is None
            writer.write([Message(spec.name, b"k", b"v")], Progress(1))


def test_a_worker_stops_at_a_message_from_the_future_of_the_broker(kafka_url: str) -> None:
    source, target = (TopicSpec(f"{name}-{uuid4().hex}", 1, CleanupPolicy.DELETE) for name in ("clock", "results"))
    with closing(open_log_url(kafka_url)) as log:
        log.admin().create([source, target])
        put(log, numbered(source.name, 1))
        worker = Member(log, uuid4().hex, [source.name], "0").worker
        while not (batch := worker.poll(max_records=10, timeout_ms=1_000)).records:
            pass
        future_ms = time.time_ns() // 1_000_000 + 2 * 3_600_000
        with pytest.raises(ClockRefused):
            worker.commit(batch, [Message(target.name, b"k", b"v", timestamp_ms=future_ms)])
        assert read_all(log, target.name, 1) == []
