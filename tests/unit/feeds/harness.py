"""Run feeds against a local server, on a log in a file and with a clock that only the run's waits move."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from newsloom.contracts.article import Article
from newsloom.contracts.codec import decode_article
from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.scan import read_topic
from services.feeds.feed_list import Feed
from services.feeds.runner import FeedPlan, FeedReport, FeedRun
from tests.unit.feeds.feed_server import FeedServer
from tests.unit.ingest.harness import new_log

START_S: Final = 1_764_600_000.0
HOUR_S: Final = 3_600.0


class Clock:
    """Time that moves only while a run waits."""

    def __init__(self) -> None:
        self.now = START_S
        self.end = float("inf")
        self.longest_wait_s = 0.0
        self.stop = threading.Event()

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.longest_wait_s = max(self.longest_wait_s, seconds)
        self.now = min(self.now + seconds, self.end)
        if self.now >= self.end:
            self.stop.set()


@dataclass
class Observed:
    """What an observer was told, by the path of the feed."""

    reports: dict[str, list[FeedReport]] = field(default_factory=dict)
    failures: dict[str, list[tuple[str, datetime | None]]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    not_due: dict[str, datetime | None] = field(default_factory=dict)

    def on_read(self, feed: str, report: FeedReport) -> None:
        self.reports.setdefault(feed, []).append(report)

    def on_failed(self, feed: str, reason: str, next_try: datetime | None) -> None:
        self.failures.setdefault(feed, []).append((reason, next_try))

    def on_moved(self, feed: str, url: str) -> None:
        self.moved[feed] = url

    def on_not_due(self, feed: str, due: datetime | None) -> None:
        self.not_due[feed] = due


@dataclass
class Desk:
    """A log, a server and a clock."""

    log: Log
    settings: Settings
    server: FeedServer
    clock: Clock

    def run(self, *feeds: str | Feed, hours: float = 0, deadline_s: float = 20, **plan: Any) -> Observed:
        """Read these feeds in a new process's stead: once, or for so many hours of the clock."""
        observed = Observed()
        listed = tuple(Feed(url=feed) if isinstance(feed, str) else feed for feed in feeds)
        self.clock.stop.clear()
        self.clock.end = self.clock.now + hours * HOUR_S if hours else float("inf")
        FeedRun(
            self.log,
            self.settings,
            FeedPlan(feeds=listed, follow=hours > 0, **plan),
            observed,
            stop=self.clock.stop,
            clock=self.clock,
            wait=self.clock.wait,
            deadline_s=deadline_s,
        ).run()
        return observed

    def articles(self) -> list[Article]:
        """Return every article on the log, in order, corrections included."""
        topic = topic_name(self.settings, ARTICLES)
        return [decode_article(record.value or b"") for record in read_topic(self.log, topic)]

    def ids(self) -> list[str]:
        return [article.id for article in self.articles()]


@contextmanager
def open_desk(folder: Path) -> Iterator[Desk]:
    """Open a desk with a new log in a file of this folder."""
    log, settings = new_log(folder)
    with desk_on(log, settings) as desk:
        yield desk
    log.close()


@contextmanager
def desk_on(log: Log, settings: Settings) -> Iterator[Desk]:
    """Open a desk with this log, whose topics exist."""
    clock = Clock()
    server = FeedServer(clock)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Desk(log, settings, server, clock)
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def rss(*items: str, head: str = "") -> bytes:
    """Return an RSS feed of these items."""
    body = "".join(f"<item>{item}</item>" for item in items)
    channel = f"<channel><title>Feed</title>{head}{body}</channel>"
    return f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0">{channel}</rss>'.encode()


def item(number: int, *, title: str | None = None, more: str = "") -> str:
    """Return an RSS item with a guid."""
    return (
        f"<title>{title or f'Title {number}'}</title><link>https://post.example/a/{number}</link>"
        f'<guid isPermaLink="true">https://post.example/a/{number}</guid>'
        f"<description>Text of {number}.</description>{more}"
    )


def article_id(number: int) -> str:
    """Return the id that the article of `item` gets."""
    return f"https://post.example/a/{number}"
