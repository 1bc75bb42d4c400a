"""Print what a single run over feeds does."""

from __future__ import annotations

from datetime import datetime

import click

from newsloom.terminal import escape
from services.cli.views.formatting import count
from services.feeds.runner import FeedReport


class FeedDisplay:
    """Prints a line to standard error for what needs attention, and sums up the rest."""

    def __init__(self) -> None:
        self.failed = 0
        self._read = 0
        self._not_due = 0
        self._total = FeedReport()

    def on_read(self, feed: str, report: FeedReport) -> None:
        """Print rejected and omitted entries."""
        self._read += 1
        self._total.articles += report.articles
        self._total.corrections += report.corrections
        self._total.rejected += report.rejected
        for error in report.rejected:
            _print(f"{feed}: an entry is rejected: {error}")
        if report.omitted and report.articles:
            _print(f"{feed}: only its newest entries are read, {report.omitted:,} older ones are left out")

    def on_failed(self, feed: str, reason: str, next_try: datetime | None) -> None:
        """Print the reason and the time of the next try."""
        self.failed += 1
        _print(f"{feed}: {reason}" + (f"; no request before {_time(next_try)}" if next_try else ""))

    def on_moved(self, feed: str, url: str) -> None:
        """Print the new address."""
        _print(f"{feed}: has moved for good: list {url} instead")

    def on_not_due(self, feed: str, due: datetime | None) -> None:
        """Print from when on the feed is asked for; nothing more often than the server allows."""
        self._not_due += 1
        _print(f"{feed}: " + (f"not due before {_time(due)}" if due else "gone for good: delete it from the list"))

    @property
    def has_read(self) -> bool:
        """Whether a feed was read."""
        return self._read > 0

    def summary(self) -> str:
        """Return one line, such as `ingested 12 articles, 1 correction from 3 feeds; 1 feed failed`."""
        parts = [count(self._total.articles, "article")]
        if self._total.corrections:
            parts.append(count(self._total.corrections, "correction"))
        others = {
            f"{len(self._total.rejected):,} rejected": len(self._total.rejected),
            f"{count(self.failed, 'feed')} failed": self.failed,
            f"{count(self._not_due, 'feed')} not due": self._not_due,
        }
        first = f"ingested {', '.join(parts)} from {count(self._read, 'feed')}"
        return "; ".join([first, *(text for text, number in others.items() if number)])


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _print(text: str) -> None:
    click.echo(escape(text), err=True)
