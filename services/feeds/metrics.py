"""The metrics of `newsloom ingest --follow`. docs/operations.md repeats this list, and a test compares the two."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge


class FeedMetrics:
    """Counts of all feeds together: a label for each feed would be a series that Prometheus keeps."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        self.requests = counter(
            "newsloom_feed_requests", "Feeds asked for, by outcome: `read`, `failed` or `gone`", ["outcome"]
        )
        self.articles = counter(
            "newsloom_feed_articles",
            "Entries of feeds, by what became of them: `new` and `corrected` articles are committed, `rejected` ones are not",
            ["kind"],
        )
        self.feeds = gauge("newsloom_feeds", "Feeds that are followed, gone ones included")
        self.failing = gauge("newsloom_feeds_failing", "Feeds whose latest request failed, gone ones included")

    def observe(self, failing: Callable[[], int]) -> None:
        """Read the number of failing feeds at each scrape."""
        self.failing.set_function(failing)
