"""Fetch a feed politely: robots.txt first, a conditional request, redirects, one request at a time for each host."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin

import httpx2

from services.feeds.canonical_url import display_url, host_of
from services.feeds.feed_list import is_feed_url
from services.feeds.feed_state import Validators
from services.feeds.http_request import FetchFailed, Response, get
from services.feeds.politeness import retry_after_s
from services.feeds.robots import ROBOTS_BYTES_MAX, Robots

FEED_BYTES_MAX: Final = 4 * 1024**2
REDIRECTS_MAX: Final = 5

_REDIRECTS: Final = {301, 302, 303, 307, 308}
_PERMANENT: Final = {301, 308}
_ADVICE: Final = {
    401: "it asks for a password: write https://user:password@host/... or delete the feed from the list",
    403: "the server refuses this program: ask the publisher, or delete the feed from the list",
    404: "there is nothing at this address: check the URL",
    429: "the server asks for fewer requests: a longer --interval helps",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """The answer to a request for a feed. `body` is None if the feed has not changed.

    `permanent_url` is where the feed has moved to for good; `pause_s` what robots.txt asks for, None if it was not asked.
    """

    response: Response
    body: bytes | None
    permanent_url: str
    pause_s: float | None


class Fetcher:
    """Fetches feeds at the same time, as many as the caller begins. For one event loop."""

    def __init__(self, client: httpx2.AsyncClient, robots: Robots, clock: Callable[[], float]) -> None:
        self._client = client
        self._robots = robots
        self._clock = clock
        self._hosts: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def fetch(self, url: str, validators: Validators, *, ask_robots: bool) -> Fetched:
        """Return the feed at `url`, or behind its redirects.

        Raises:
            FetchFailed: robots.txt forbids it, or there is no answer with a feed.

        """
        pauses_s: list[float] = []
        response, permanent_url = await self._follow(url, validators, pauses_s if ask_robots else None)
        if response.status == HTTPStatus.NOT_MODIFIED and not validators.headers_for(response.url):
            raise FetchFailed("answers 304 (not modified) to a request without a condition: the server is at fault")
        if response.status not in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            raise self._refused(response)
        body = response.body if response.status == HTTPStatus.OK else None
        return Fetched(
            response=response, body=body, permanent_url=permanent_url, pause_s=max(pauses_s) if ask_robots else None
        )

    async def _follow(self, url: str, validators: Validators, pauses_s: list[float] | None) -> tuple[Response, str]:
        """Return the answer behind all redirects, and the URL behind the permanent ones at their beginning."""
        permanent_url, is_permanent = url, True
        for _ in range(REDIRECTS_MAX + 1):
            if pauses_s is not None:
                pauses_s.append(await self._robots.check(url, self._get_robots))
            response = await self._get(url, validators.headers_for(url), bytes_max=FEED_BYTES_MAX)
            if response.status not in _REDIRECTS:
                return response, permanent_url
            url = _target(response)
            is_permanent &= response.status in _PERMANENT
            permanent_url = url if is_permanent else permanent_url
        raise FetchFailed(
            f"more than {REDIRECTS_MAX} redirects: open it in a browser and list the address where it ends"
        )

    async def _get_robots(self, url: str) -> Response:
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._get(url, {}, bytes_max=ROBOTS_BYTES_MAX, truncate=True)
            if response.status not in _REDIRECTS:
                break
            url = _target(response)
        return response

    async def _get(self, url: str, headers: dict[str, str], *, bytes_max: int, truncate: bool = False) -> Response:
        async with self._hosts[host_of(url)]:
            return await get(self._client, url, headers, bytes_max=bytes_max, truncate=truncate)

    def _refused(self, response: Response) -> FetchFailed:
        if response.status == HTTPStatus.GONE:
            return FetchFailed(
                "answers 410 (gone): the publisher has removed it; delete it from the list. It is not asked for again",
                gone=True,
            )
        advice = _ADVICE.get(response.status, "it is tried again later")
        return FetchFailed(
            f"answers {response.status}: {advice}", retry_after_s=retry_after_s(response.headers, self._clock())
        )


def _target(response: Response) -> str:
    location = response.headers.get("location", "")
    try:
        url = urljoin(response.url, location)
    except ValueError:
        url = ""
    if not location or not is_feed_url(url):
        raise FetchFailed(f"redirects to {location!r}, which is no http or https URL: check the URL")
    if response.url.lower().startswith("https:") and url.lower().startswith("http:"):
        raise FetchFailed(f"redirects from https to {display_url(url)}, without TLS: list that URL if you trust it")
    return url
