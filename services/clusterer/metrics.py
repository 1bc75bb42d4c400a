"""The clusterer's own metrics, beside those of every service (newsloom/streaming/metrics.py). docs/operations.md lists both."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Gauge

from services.clusterer.core.edition import EditionState


class StateMetrics:
    """The size of the state in memory, counted at each scrape. `editions` returns all editions; it is called by other threads."""

    def __init__(self, registry: CollectorRegistry, editions: Callable[[], Iterable[EditionState]]) -> None:
        def gauge(name: str, text: str, size: Callable[[EditionState], int]) -> None:
            Gauge(name, text, registry=registry).set_function(lambda: sum(map(size, editions())))

        gauge("newsloom_editions", "Editions", lambda _: 1)
        gauge("newsloom_stories", "Stories that are not forgotten", lambda edition: len(edition.stories))
        gauge(
            "newsloom_open_stories", "Open stories, which the index holds", lambda edition: edition.indexes.space.size
        )
        gauge("newsloom_articles", "Articles that are not forgotten", lambda edition: len(edition.articles))
        gauge(
            "newsloom_window_reports",
            "Reports of open stories, with which new articles are compared",
            lambda edition: edition.indexes.frequencies.documents,
        )
