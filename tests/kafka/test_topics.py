"""Topics created by an operator with unsuitable settings."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

import pytest

from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.topic_check import topic_problems

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
