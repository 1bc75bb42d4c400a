"""Ask a site's robots.txt whether a URL may be fetched (RFC 9309)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec

from services.feeds.canonical_url import host_of
from services.feeds.http_request import FetchFailed, Response
from services.feeds.limited_process import DataRefused, LimitExceeded, run_limited
from services.feeds.politeness import DAY_S, retry_after_s
from services.feeds.robots_verdict import RobotsVerdict

ROBOTS_BYTES_MAX: Final = 500 * 1024
"""RFC 9309, 2.5: a reader must parse at least so much. The rest is ignored."""
FRESH_S: Final = DAY_S
"""RFC 9309, 2.4: not longer."""
PAUSE_S_MAX: Final = 300.0
"""A site that asks for longer pauses would get hardly any of its feeds read."""

Get = Callable[[str], Awaitable[Response]]
"""Requests the URL of a robots.txt and follows its redirects."""


@dataclass(frozen=True, slots=True)
class _CachedFile:
    text: bytes
    expires: float


class Robots:
    """The robots.txt files of all sites, each fetched at most once a day."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._files: dict[str, _CachedFile] = {}

    async def check(self, url: str, get: Get) -> float:
        """Return the seconds to leave between two requests, if the URL may be fetched.

        Raises:
            FetchFailed: it may not, or the site does not say: it has to be asked again later.

        """
        text = await self._text(url, get)
        if not text:
            return 0.0
        try:
            found = await run_limited("services.feeds.check_robots", url, data=text)
        except (DataRefused, LimitExceeded) as error:
            raise FetchFailed(f"the robots.txt of {host_of(url)} cannot be applied: {error}") from error
        verdict = msgspec.json.decode(found, type=RobotsVerdict)
        if not verdict.allowed:
            raise FetchFailed(
                f"the robots.txt of {host_of(url)} forbids it: ask the publisher to allow newsloom, or delete the feed"
            )
        return min(max(verdict.pause_s, 0.0), PAUSE_S_MAX)

    async def _text(self, url: str, get: Get) -> bytes:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        found = self._files.get(origin)
        if found is None or found.expires <= self._clock():
            found = _CachedFile(self._rules(await self._answer(origin, get)), self._clock() + FRESH_S)
            self._files[origin] = found
        return found.text

    async def _answer(self, origin: str, get: Get) -> Response:
        try:
            return await get(f"{origin}/robots.txt")
        except FetchFailed as error:
            raise FetchFailed(f"robots.txt: {error}", retry_after_s=error.retry_after_s) from error

    def _rules(self, answer: Response) -> bytes:
        """Return the file; nothing if there is none, which allows everything."""
        if answer.status == HTTPStatus.OK:
            return answer.body
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise FetchFailed(
                f"robots.txt answers {answer.status}, so it is unknown whether the feed may be fetched: it is asked again later",
                retry_after_s=retry_after_s(answer.headers, self._clock()),
            )
        return b""
