"""Log and count what happens while feeds are followed."""

from __future__ import annotations

from datetime import datetime

import structlog

from newsloom.streaming.watchdog import Watchdog
from services.feeds.metrics import FeedMetrics
from services.feeds.runner import FeedReport

_log = structlog.get_logger("newsloom.feeds")


class FeedLog:
    """Observes a run: log events, metrics, and a beat of the watchdog for each feed."""

    def __init__(self, metrics: FeedMetrics, watchdog: Watchdog) -> None:
        self._metrics = metrics
        self._watchdog = watchdog
        self.failing: set[str] = set()
        """The feeds whose latest request failed."""

    def on_read(self, feed: str, report: FeedReport) -> None:
        """Log the articles of a feed, if there are new ones, and each rejected entry."""
        self._watchdog.beat()
        self.failing.discard(feed)
        self._metrics.requests.labels("read").inc()
        counts = {"new": report.articles, "corrected": report.corrections, "rejected": len(report.rejected)}
        for kind, number in counts.items():
            self._metrics.articles.labels(kind).inc(number)
        for error in report.rejected:
            _log.warning("feed.entry_rejected", feed=feed, reason=str(error))
        if report.articles or report.corrections:
            _log.info(
                "feed.read", feed=feed, articles=report.articles, corrections=report.corrections, omitted=report.omitted
            )

    def on_failed(self, feed: str, reason: str, next_try: datetime | None) -> None:
        """Log why a feed could not be read, and when it is tried again."""
        self._watchdog.beat()
        self.failing.add(feed)
        self._metrics.requests.labels("failed" if next_try else "gone").inc()
        if next_try is None:
            _log.warning("feed.gone", feed=feed, reason=reason)
        else:
            _log.warning("feed.failed", feed=feed, reason=reason, next_try=next_try.isoformat())

    def on_moved(self, feed: str, url: str) -> None:
        """Log where a feed has moved to."""
        _log.warning("feed.moved", feed=feed, url=url)

    def on_not_due(self, feed: str, due: datetime | None) -> None:
        """Do nothing: a feed that is followed is asked for when it is due."""
