"""The metrics of every service.

Names follow the conventions of Prometheus: a unit at the end, `_total` for counters.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from newsloom.streaming.records import Record

SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class Metrics:
    """The metrics of one service process. A service with metrics of its own adds them to `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, buckets=SECONDS, registry=self.registry)
        self.ready = gauge("newsloom_ready", "1 if `/readyz` holds, else 0")
        self.partitions = gauge("newsloom_partitions", "Partitions assigned and restored")
        self.records = counter(
            "newsloom_records", "Input records whose results are committed, rejected ones included", ["topic"]
        )
        self.messages = counter("newsloom_messages", "Messages committed, without dead letters")
        self.dead_letters = counter("newsloom_dead_letters", "Records committed as dead letters")
        self.batches = counter("newsloom_batches", "Batches committed")
        self.poll_to_commit_seconds = histogram(
            "newsloom_poll_to_commit_seconds", "Time from the poll of a batch to its commit, restores included"
        )
        self.commits_failed = counter(
            "newsloom_commits_failed", "Commits that failed or whose outcome is unknown; state is restored after each"
        )
        self.log_unavailable = counter("newsloom_log_unavailable", "Rounds in which the log could not be reached")
        self.restores = counter("newsloom_restores", "Partitions restored")
        self.restore_seconds = histogram("newsloom_restore_seconds", "Duration of a partition's restore")
        self.restore_records = counter("newsloom_restore_records", "State records read by restores")
        self.restore_fraction = gauge(
            "newsloom_restore_fraction",
            "Fraction done (0 to 1) of a part of the partition's latest restore: a topic to read, or `build`",
            ["partition", "part"],
        )

    def count_commit(self, records: Iterable[Record], *, messages: int, rejections: int) -> None:
        """Count a committed batch."""
        for topic, number in Tally(record.topic for record in records).items():
            self.records.labels(topic).inc(number)
        self.messages.inc(messages)
        self.dead_letters.inc(rejections)
        self.batches.inc()
