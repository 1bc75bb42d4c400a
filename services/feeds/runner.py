"""Read feeds once or forever: each article is written to the log once, and again only when it has changed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import httpx2
import msgspec

from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.records import Message
from newsloom.streaming.topic_check import check_topics
from services.feeds.article_rows import Row
from services.feeds.feed_list import Feed
from services.feeds.feed_source import FeedSource
from services.feeds.feed_state import FeedState, Validators, pack_entries, remembered_url, settings_hash
from services.feeds.fetch import Fetcher
from services.feeds.http_request import new_client
from services.feeds.politeness import next_after_failure, next_after_success
from services.feeds.reading import FETCH_S_MAX, Failed, Read, read_feed
from services.feeds.robots import Robots
from services.ingest.article_parser import InvalidLine, ParseOptions, parse_line
from services.ingest.messages import article_message

INTERVAL_S: Final = 900
ROUND_FEEDS_MAX: Final = 16
"""Feeds that are read at the same time: it bounds memory and connections."""
PARSERS_MAX: Final = 2
PAUSE_S: Final = 1.0
"""Between two requests for feeds of one host, unless its robots.txt asks for more."""
STOP_CHECK_S: Final = 0.2
GONE_DUE: Final = 2**53
WAIT_S_MAX: Final = 20.0
"""A longer wait is several: a process that waits for hours must still show that it is alive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedPlan:
    """Which feeds to read, and how. `from_start` forgets what was read before; `follow` reads again every `interval_s`."""

    feeds: tuple[Feed, ...]
    parsing: ParseOptions = field(default_factory=ParseOptions)
    interval_s: int = INTERVAL_S
    from_start: bool = False
    follow: bool = False


@dataclass(kw_only=True, slots=True)
class FeedReport:
    """What was written of one feed. `unchanged` entries were written before; `omitted` ones are beyond the newest 300."""

    articles: int = 0
    corrections: int = 0
    unchanged: int = 0
    omitted: int = 0
    rejected: list[InvalidLine] = field(default_factory=list)


class FeedObserver(Protocol):
    """Callbacks that show what happens. `feed` is the feed's URL without a password."""

    def on_read(self, feed: str, report: FeedReport) -> None:
        """Called after the articles of a feed are committed."""
        ...

    def on_failed(self, feed: str, reason: str, next_try: datetime | None) -> None:
        """Called if a feed cannot be read; `next_try` is None if it is gone for good."""
        ...

    def on_moved(self, feed: str, url: str) -> None:
        """Called if a feed has moved to `url` for good."""
        ...

    def on_not_due(self, feed: str, due: datetime | None) -> None:
        """Called for each feed that a single run does not ask for yet; `due` is None if it is gone for good."""
        ...


class FeedRun:
    """Reads the feeds of a plan. `clock` gives Unix seconds; `wait` waits that many, at most
    `WAIT_S_MAX`, and ends early at a stop.

    A feed has `deadline_s` to answer, with robots.txt and redirects.
    """

    def __init__(
        self,
        log: Log,
        settings: Settings,
        plan: FeedPlan,
        observer: FeedObserver,
        *,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], object] | None = None,
        deadline_s: float = FETCH_S_MAX,
    ) -> None:
        """Read what is known of each feed from the log.

        Raises:
            LogError: a topic is missing, or the log is unavailable.

        """
        self._plan = plan
        self._observer = observer
        self._stop = stop or threading.Event()
        self._clock = clock
        self._wait = wait or self._stop.wait
        self._deadline_s = deadline_s
        self._topic = topic_name(settings, ARTICLES)
        admin = log.admin()
        check_topics(admin, [spec for spec in topic_specs(settings) if spec.name == self._topic], ())
        self._record_bytes_max = admin.describe([self._topic])[self._topic].max_record_bytes
        self._sources = [FeedSource(log, settings, feed) for feed in plan.feeds]
        for source in self._sources:
            self._adopt(source)
        self._robots = Robots(clock)
        self._trust = httpx2.create_ssl_context()
        self._host_free: dict[str, float] = {}

    def _adopt(self, source: FeedSource) -> None:
        """Forget what no longer holds: everything with `from_start`, the validators if the articles get other fields now."""
        if self._plan.from_start:
            source.state = FeedState()
        current = settings_hash(msgspec.structs.replace(source.feed, url=""), self._plan.parsing)
        if source.state.settings != current:
            source.state = msgspec.structs.replace(source.state, validators=Validators(), settings=current)

    def run(self) -> None:
        """Read each feed that is due, once; with `follow`, until the stop.

        Raises:
            LogError: the log stayed away, or another process reads the same feed.

        """
        waiting = self._sources if self._plan.follow else self._due_sources()
        while waiting and not self._stop.is_set():
            now = self._clock()
            ready = self._ready(waiting, now)
            if not ready:
                ready_at = min(self._ready_at(source) for source in waiting)
                self._wait(min(ready_at - now, WAIT_S_MAX))
                continue
            done = self._round(ready)
            if not self._plan.follow:
                waiting = [source for source in waiting if source not in done]

    def _due_sources(self) -> list[FeedSource]:
        now = self._clock()
        for source in self._sources:
            if source.state.due > now:
                self._observer.on_not_due(source.name, None if source.state.gone else _moment(source.state.due))
        return [source for source in self._sources if source.state.due <= now]

    def _ready_at(self, source: FeedSource) -> float:
        return max(source.state.due, self._host_free.get(source.host, 0.0))

    def _ready(self, waiting: Iterable[FeedSource], now: float) -> list[FeedSource]:
        """Return the feeds to read now, at most one of each host."""
        by_host: dict[str, FeedSource] = {}
        for source in sorted(waiting, key=lambda source: source.state.due):
            if len(by_host) < ROUND_FEEDS_MAX and self._ready_at(source) <= now:
                by_host.setdefault(source.host, source)
        return list(by_host.values())

    def _round(self, sources: Sequence[FeedSource]) -> list[FeedSource]:
        """Read these feeds at the same time and commit what they give; return those that were not interrupted by a stop."""
        hosts = {source: source.host for source in sources}
        outcomes = asyncio.run(self._read_all(sources))
        for source, outcome in outcomes:
            if isinstance(outcome, Read):
                self._commit(source, outcome)
            else:
                self._fail(source, outcome)
            self._host_free[hosts[source]] = self._clock() + max(PAUSE_S, source.state.pause_s)
        return [source for source, _ in outcomes]

    async def _read_all(self, sources: Sequence[FeedSource]) -> list[tuple[FeedSource, Read | Failed]]:
        async with new_client(self._trust) as client:
            fetcher, parsers = Fetcher(client, self._robots, self._clock), asyncio.Semaphore(PARSERS_MAX)
            tasks = {source: asyncio.create_task(self._read(fetcher, parsers, source)) for source in sources}
            pending: set[asyncio.Task[Read | Failed]] = set(tasks.values())
            while pending and not self._stop.is_set():
                _, pending = await asyncio.wait(pending, timeout=STOP_CHECK_S)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            return [(source, task.result()) for source, task in tasks.items() if task not in pending]

    async def _read(self, fetcher: Fetcher, parsers: asyncio.Semaphore, source: FeedSource) -> Read | Failed:
        return await read_feed(
            fetcher,
            source.feed,
            source.state,
            timezone=self._plan.parsing.timezone,
            clock=self._clock,
            parsers=parsers,
            deadline_s=self._deadline_s,
        )

    def _commit(self, source: FeedSource, read: Read) -> None:
        report = FeedReport(omitted=read.omitted)
        messages, entries = self._messages(source, read.rows, report)
        moved = read.permanent_url if read.permanent_url != source.feed.url else ""
        state = msgspec.structs.replace(
            source.state,
            url=remembered_url(moved),
            validators=read.validators,
            due=next_after_success(self._clock(), interval_s=self._plan.interval_s, fresh_s=read.fresh_s),
            failures=0,
            robots_due=read.robots_due,
            pause_s=read.pause_s,
            entries=entries,
        )
        has_moved = moved and moved != source.state.url
        source.commit(messages, state)
        if has_moved:
            self._observer.on_moved(source.name, moved)
        self._observer.on_read(source.name, report)

    def _messages(self, source: FeedSource, rows: list[Row] | None, report: FeedReport) -> tuple[list[Message], str]:
        """Return the records of what is new or changed, and the packed entries that are known after them."""
        if rows is None:
            return [], source.state.entries
        seen, messages = source.state.seen, []
        for row in rows:
            if seen.has(row):
                report.unchanged += 1
                continue
            try:
                messages.append(self._message(row))
            except InvalidLine as error:
                report.rejected.append(error)
                continue
            report.corrections += seen.has_id(row)
            report.articles += not seen.has_id(row)
        return messages, pack_entries(seen.after(rows))

    def _message(self, row: Row) -> Message:
        if row["id"] is None:
            raise InvalidLine(
                f"the entry {row['title'][:80]!r} has neither guid nor link, so it has no lasting id", "id"
            )
        event = parse_line(msgspec.json.encode(row), self._plan.parsing).event
        now = datetime.now(UTC)
        return article_message(event, topic=self._topic, record_bytes_max=self._record_bytes_max, now=now)

    def _fail(self, source: FeedSource, failed: Failed) -> None:
        failures = source.state.failures + 1
        due = next_after_failure(
            self._clock(),
            interval_s=self._plan.interval_s,
            failures=failures,
            retry_after_s=failed.retry_after_s,
        )
        # Where it has moved to may be wrong: the next request is for the URL of the list.
        state = msgspec.structs.replace(
            source.state, url="", due=GONE_DUE if failed.gone else due, failures=failures, gone=failed.gone
        )
        source.commit([], state)
        self._observer.on_failed(source.name, failed.reason, None if failed.gone else _moment(due))


def _moment(due: int) -> datetime:
    return datetime.fromtimestamp(due, UTC)
