"""One attempt to read a feed, and its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from services.feeds.article_rows import Row, article_rows
from services.feeds.feed_entry import FeedDocument
from services.feeds.feed_list import Feed
from services.feeds.feed_state import FeedState, Validators, validators
from services.feeds.fetch import Fetched, Fetcher
from services.feeds.http_request import FetchFailed
from services.feeds.limited_process import DataRefused, LimitExceeded, run_limited
from services.feeds.politeness import DAY_S, max_age_s

FETCH_S_MAX: Final = 30.0
"""The deadline of a fetch as a whole, with robots.txt and redirects: a server that drips bytes gets no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """The server has answered. `rows` is None if the feed has not changed."""

    rows: list[Row] | None
    omitted: int
    fresh_s: int
    validators: Validators
    permanent_url: str
    robots_due: int
    pause_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """There is no feed to read; `reason` says why and what to do."""

    reason: str
    retry_after_s: int = 0
    gone: bool = False


async def read_feed(
    fetcher: Fetcher,
    feed: Feed,
    state: FeedState,
    *,
    timezone: str,
    clock: Callable[[], float],
    parsers: asyncio.Semaphore,
    deadline_s: float = FETCH_S_MAX,
) -> Read | Failed:
    """Fetch the feed and parse it; return its articles or the reason why there are none. `parsers` bounds the CPUs in use."""
    now = clock()
    ask_robots = state.robots_due <= now
    try:
        async with asyncio.timeout(deadline_s):
            fetched = await fetcher.fetch(state.url or feed.url, state.validators, ask_robots=ask_robots)
    except TimeoutError:
        return Failed(reason=f"no complete answer within {deadline_s:.0f} s: try it in a browser")
    except FetchFailed as error:
        return Failed(reason=str(error), retry_after_s=error.retry_after_s, gone=error.gone)
    try:
        async with parsers:
            document = await _parse(fetched)
    except (DataRefused, LimitExceeded) as error:
        return Failed(reason=str(error))
    headers = fetched.response.headers
    return Read(
        rows=None
        if document is None
        else list(article_rows(document, feed, url=fetched.response.url, timezone=timezone)),
        omitted=document.omitted if document else 0,
        fresh_s=max(max_age_s(headers), document.ttl_s if document else 0),
        validators=state.validators
        if document is None
        else validators(
            etag=headers.get("etag", ""), modified=headers.get("last-modified", ""), url=fetched.response.url
        ),
        permanent_url=fetched.permanent_url,
        robots_due=state.robots_due if fetched.pause_s is None else int(now) + DAY_S,
        pause_s=state.pause_s if fetched.pause_s is None else fetched.pause_s,
    )


async def _parse(fetched: Fetched) -> FeedDocument | None:
    if fetched.body is None:
        return None
    response = fetched.response
    output = await run_limited(
        "services.feeds.parse_document", response.url, response.headers.get("content-type", ""), data=fetched.body
    )
    return msgspec.json.decode(output, type=FeedDocument)
