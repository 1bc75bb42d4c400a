"""The metrics of a service that processes records. docs/operations.md repeats this list, and a test compares the two.

Names follow the conventions of Prometheus: a unit at the end, `_total` for counters. No label has an id or another value that
producers choose, because each value of a label is a series that Prometheus keeps.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from newsloom.streaming.lag import Lag
from newsloom.streaming.records import Message, Record
from newsloom.streaming.step import Rejection, RejectionKind

SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
LATENCY_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""With the bounds of the objectives: 5 s is the goal, 10 s the longest wait in a rollout."""
NO_TYPE: Final = "none"


class Metrics:
    """The metrics of one service process. A service with metrics of its own adds them to `registry`."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, buckets=SECONDS, registry=self.registry)

        # What is processed.
        self.records = counter(
            "newsloom_records", "Input records whose results are committed, rejected ones included", ["topic"]
        )
        self.messages = counter(
            "newsloom_messages", "Messages committed, by event type, without dead letters", ["type"]
        )
        self.dead_letters = counter(
            "newsloom_dead_letters",
            "Records committed as dead letters: `invalid`, made with another model or text preparation (`mismatch`), or a "
            "command that cannot be carried out (`refused`)",
            ["reason"],
        )
        for kind in RejectionKind:
            # From 0 on: Prometheus sees no increase in a series that appears with 1.
            self.dead_letters.labels(kind.value)
        self.batches = counter("newsloom_batches", "Batches committed, each in one transaction")

        # How long it takes.
        self.latency_seconds = histogram(
            "newsloom_latency_seconds",
            "Time from an article's arrival (the timestamp of its record on `articles`) to the commit of the service's results "
            "for it, without dead letters; with `clusterer`: to its update",
            ["service"],
            buckets=LATENCY_SECONDS,
        )
        self.poll_to_commit_seconds = histogram(
            "newsloom_poll_to_commit_seconds", "Time from the poll of a batch to its commit, restores included"
        )
        self.stage_seconds = histogram("newsloom_stage_seconds", "Time to `process` or to `commit` a batch", ["stage"])
        self.lag_records = gauge("newsloom_lag_records", "Input records that are not committed; 0 when idle")
        self.lag_seconds = gauge("newsloom_lag_seconds", "Age of the oldest record that is not committed; 0 when idle")

        # Whether it works.
        self.partitions = gauge("newsloom_partitions", "Partitions assigned and restored")
        self.rebalances = counter(
            "newsloom_rebalances", "Rebalances of the consumer group that this process took part in"
        )
        self.commits_failed = counter(
            "newsloom_commits_failed", "Commits that failed or whose outcome is unknown; state is restored after each"
        )
        self.log_unavailable = counter("newsloom_log_unavailable", "Rounds in which the log could not be reached")

        # Restores.
        self.restores = counter("newsloom_restores", "Partitions restored")
        self.restore_seconds = histogram("newsloom_restore_seconds", "Duration of a partition's restore")
        self.restore_records = counter("newsloom_restore_records", "State records read by restores")
        self.restore_fraction = gauge(
            "newsloom_restore_fraction",
            "Fraction done (0 to 1) of a part of the partition's latest restore: a topic to read, or `build`",
            ["partition", "part"],
        )

    def observe(self, lag: Lag) -> None:
        """Read the lag at each scrape."""
        self.lag_records.set_function(lambda: lag.records)
        self.lag_seconds.set_function(lambda: lag.seconds)

    def count_commit(
        self, service: str, records: Iterable[Record], *, types: Iterable[str], rejected: Collection[Rejection]
    ) -> None:
        """Count a committed batch; `types` are the event types of its messages."""
        now_s = self._clock()
        without_result = {(rejection.record.topic_partition, rejection.record.offset) for rejection in rejected}
        for record in records:
            self.records.labels(record.topic).inc()
            if (record.topic_partition, record.offset) not in without_result:
                self.latency_seconds.labels(service).observe(max(0.0, now_s - record.timestamp_ms / 1000))
        for event_type, number in Tally(types).items():
            self.messages.labels(event_type).inc(number)
        for rejection in rejected:
            self.dead_letters.labels(rejection.kind.value).inc()
        self.batches.inc()


def event_type(message: Message, header: str) -> str:
    """Return the event type in the header of that name."""
    return next((value.decode() for name, value in message.headers if name == header), NO_TYPE)
