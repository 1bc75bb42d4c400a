"""What a service counts and measures of itself: this list, and nothing else.

Names follow Prometheus' conventions: a unit at the end, `_total` for what only grows.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from newsloom.streaming.records import Record

SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class Metrics:
    """The metrics of one service; each process has one. Without somebody who asks for them they cost next to nothing."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.is_ready = False
        """Whether the service has joined its group, which may have none to give, and restored every partition that it holds."""
        self.records = Counter(
            "newsloom_records",
            "Input records whose results are committed, those rejected included",
            ["topic"],
            registry=registry,
        )
        self.messages = Counter("newsloom_messages", "Messages committed, without dead letters", registry=registry)
        self.dead_letters = Counter("newsloom_dead_letters", "Records committed as dead letters", registry=registry)
        self.batches = Counter("newsloom_batches", "Batches committed", registry=registry)
        self.commits_failed = Counter(
            "newsloom_commits_failed",
            "Commits that failed, or of unknown outcome: state is restored then",
            registry=registry,
        )
        self.log_unavailable = Counter(
            "newsloom_log_unavailable", "Rounds in which the log could not be reached", registry=registry
        )
        self.poll_to_commit_seconds = Histogram(
            "newsloom_poll_to_commit_seconds", "From a batch's poll to its commit, a restore in between included",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.ready = Gauge(
            "newsloom_ready",
            "1 once the group has told which partitions are ours and all of them are restored",
            registry=registry,
        )
        self.partitions = Gauge("newsloom_partitions", "Partitions held and restored", registry=registry)
        self.restores = Counter("newsloom_restores", "Partitions restored", registry=registry)
        self.restore_seconds = Histogram(
            "newsloom_restore_seconds", "Time a partition's restore took", buckets=SECONDS, registry=registry
        )
        self.restore_records = Counter("newsloom_restore_records", "State records read by restores", registry=registry)
        self.restore_fraction = Gauge(
            "newsloom_restore_fraction",
            "Done fraction (0 to 1) of a part of the partition's latest restore: a topic to read, or `build`",
            ["partition", "part"],
            registry=registry,
        )

    def committed(self, records: Iterable[Record], *, messages: int, rejections: int) -> None:
        """Count a batch."""
        for topic, number in Tally(record.topic for record in records).items():
            self.records.labels(topic).inc(number)
        self.messages.inc(messages)
        self.dead_letters.inc(rejections)
        self.batches.inc()

    def assigned(self, *, restored: int, unrestored: int, joined: bool) -> None:
        """A poll, a restore or a failed commit has left so many partitions with their state, and so many without.

        Nothing is known of them before the group was `joined`.
        """
        self.partitions.set(restored)
        self.is_ready = joined and unrestored == 0
        self.ready.set(self.is_ready)
