"""Reading a whole topic, all partitions of it, as those do who belong to no group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from newsloom.streaming.log import Log
from newsloom.streaming.records import Record, TopicPartition

RECORDS_MAX: Final = 500
POLL_TIMEOUT_MS: Final = 500


def topic_partitions(log: Log, topic: str) -> list[TopicPartition]:
    """Every partition of the topic; raises `ConfigurationError` if there is no such topic."""
    admin = log.admin()
    # First, so that it is told which right is missing: who may not even see a topic need not only see it.
    admin.check_rights(read=[topic])
    # Not `describe`: the settings of a topic are another right than its records.
    return sorted(admin.end_offsets([topic]))


def read_topic(log: Log, topic: str) -> Iterator[Record]:
    """Every committed record of the topic up to the ends that stand now, in offset order within each partition.

    Raises:
        ConfigurationError: there is no such topic.
        LogUnavailable: the log went away; start over.

    """
    yield from read_partitions(log, topic_partitions(log, topic))


def read_partitions(log: Log, partitions: Sequence[TopicPartition]) -> Iterator[Record]:
    """The same of these partitions alone; raises `LogUnavailable`."""
    reader = log.reader(partitions, start="earliest")
    try:
        while not reader.at_end():
            yield from reader.poll(max_records=RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS)
    finally:
        reader.close()
