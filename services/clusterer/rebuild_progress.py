"""Report how many articles of a partition a restore has rebuilt."""

from __future__ import annotations

from typing import Final

from prometheus_client import Gauge

from newsloom.streaming.restore import RestoreProgress

BUILD: Final = "build"
"""The part of a restore that follows the reading of topics: sums and indexes are rebuilt."""


class RebuildProgress:
    """Report the rebuilt articles of each partition, beside the generic progress of its restore."""

    def __init__(self, restore: RestoreProgress) -> None:
        self._restore = restore
        self._articles = Gauge(
            "newsloom_restored_articles",
            "Articles that the partition's latest restore has rebuilt",
            ["partition"],
            registry=restore.metrics.registry,
        )

    def advance(self, partition: int, articles: int, of: int) -> None:
        """Report that so many articles are rebuilt."""
        self._articles.labels(partition).set(articles)
        self._restore.advance(partition, BUILD, articles / of if of else 1.0, articles=articles)

    def end(self, partition: int, *, editions: int, articles: int) -> None:
        """Report that the partition is restored."""
        self._articles.labels(partition).set(articles)
        self._restore.metrics.restore_fraction.labels(partition, BUILD).set(1)
        self._restore.end(partition, editions=editions, articles=articles)
