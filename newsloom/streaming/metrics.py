"""The metrics of every service.

Names follow the conventions of Prometheus: a unit at the end, `_total` for counters.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from newsloom.streaming.records import Record

SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class Metrics:
    """The metrics of one service process. A service with metrics of its own adds them to `registry`."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.is_ready = False
        """Whether the service has joined its group and restored every partition assigned to it, if any."""
        self.records = Counter(
            "newsloom_records",
            "Input records whose results are committed, rejected ones included",
            ["topic"],
            registry=registry,
        )
        self.messages = Counter("newsloom_messages", "Messages committed, without dead letters", registry=registry)
        self.dead_letters = Counter("newsloom_dead_letters", "Records committed as dead letters", registry=registry)
        self.batches = Counter("newsloom_batches", "Batches committed", registry=registry)
        self.commits_failed = Counter(
            "newsloom_commits_failed",
            "Commits that failed or whose outcome is unknown; state is restored after each",
            registry=registry,
        )
        self.log_unavailable = Counter(
            "newsloom_log_unavailable", "Rounds in which the log could not be reached", registry=registry
        )
        self.poll_to_commit_seconds = Histogram(
            "newsloom_poll_to_commit_seconds", "Time from the poll of a batch to its commit, including restores in between",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.ready = Gauge(
            "newsloom_ready",
            "1 if the service has joined its group and restored all partitions assigned to it",
            registry=registry,
        )
        self.partitions = Gauge("newsloom_partitions", "Partitions assigned and restored", registry=registry)
        self.restores = Counter("newsloom_restores", "Partitions restored", registry=registry)
        self.restore_seconds = Histogram(
            "newsloom_restore_seconds", "Duration of a partition's restore", buckets=SECONDS, registry=registry
        )
        self.restore_records = Counter("newsloom_restore_records", "State records read by restores", registry=registry)
        self.restore_fraction = Gauge(
            "newsloom_restore_fraction",
            "Done fraction (0 to 1) of a part of the partition's latest restore: a topic to read, or `build`",
            ["partition", "part"],
            registry=registry,
        )

    def count_commit(self, records: Iterable[Record], *, messages: int, rejections: int) -> None:
        """Count a committed batch."""
        for topic, number in Tally(record.topic for record in records).items():
            self.records.labels(topic).inc(number)
        self.messages.inc(messages)
        self.dead_letters.inc(rejections)
        self.batches.inc()

    def set_assignment(self, *, restored: int, unrestored: int, joined: bool) -> None:
        """Set how many assigned partitions have their state and how many do not; `joined` as in `Batch`."""
        self.partitions.set(restored)
        self.is_ready = joined and unrestored == 0
        self.ready.set(self.is_ready)
