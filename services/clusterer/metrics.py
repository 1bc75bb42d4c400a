"""The clusterer's own metrics, beside those of every service (newsloom/streaming/metrics.py). docs/operations.md lists both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from services.clusterer.editions import EditionSize

REMEDY: Final = "raise NEWSLOOM_COMPARABLE_ARTICLES to compare more closed stories; it takes memory"
WRONG_CLOCK: Final = "all latest articles have arrived before it: the clock of a producer was wrong, and moved it"
SPLIT: Final = "see what `newsloom audit` proposes, and split it with `newsloom stories split`"

_log = structlog.get_logger("newsloom.clusterer")


class StateMetrics:
    """The size of the state in memory, counted at each scrape. `editions` returns their sizes; it is called by other threads."""

    def __init__(self, registry: CollectorRegistry, editions: Callable[[], Iterable[EditionSize]]) -> None:
        def gauge(name: str, text: str, size: Callable[[EditionSize], int]) -> None:
            Gauge(name, text, registry=registry).set_function(lambda: sum(map(size, editions())))

        gauge("newsloom_editions", "Editions", lambda _: 1)
        gauge("newsloom_stories", "Stories that are not forgotten", lambda edition: edition.stories)
        gauge(
            "newsloom_open_stories",
            "Open stories, which the index holds",
            lambda edition: edition.open_stories,
        )
        gauge(
            "newsloom_comparable_closed_stories",
            "Closed stories that late articles are compared with",
            lambda edition: edition.comparable_closed_stories,
        )
        gauge("newsloom_articles", "Articles that are not forgotten", lambda edition: edition.articles)
        gauge(
            "newsloom_window_reports",
            "Reports of open stories, with which new articles are compared",
            lambda edition: edition.window_reports,
        )
        gauge(
            "newsloom_loose_stories",
            "Open stories with eight or more reports whose mean similarity is low: each may hold several events",
            lambda edition: edition.loose_stories,
        )
        self._loose: set[tuple[str, str]] = set()
        self._set_back = Counter(
            "newsloom_clocks_set_back",
            "Editions whose time was ahead of all their latest articles, and was set back",
            registry=registry,
        )
        self._uncompared = Counter(
            "newsloom_late_articles_uncompared",
            "Late articles that founded a story although closed stories of their time exist that are no longer comparable",
            registry=registry,
        )

    def count_uncompared(self, articles: int, first_article_id: str) -> None:
        """Count late articles of a batch that were not compared with the stories of their time, and log one line."""
        self._uncompared.inc(articles)
        _log.warning("articles.uncompared", articles=articles, first_article_id=first_article_id, remedy=REMEDY)

    def note_set_back(self, edition: str, before: datetime, now: datetime) -> None:
        """Count and log that the time of an edition was set back."""
        self._set_back.inc()
        _log.warning(
            "clock.set-back", edition=edition, before=before.isoformat(), now=now.isoformat(), reason=WRONG_CLOCK
        )

    def note_loose(self, edition: str, story_id: str) -> None:
        """Log one line for each loose story that holds a large share of its edition's reports."""
        if (edition, story_id) not in self._loose:
            self._loose.add((edition, story_id))
            _log.warning("story.loose", edition=edition, story_id=story_id, remedy=SPLIT)
