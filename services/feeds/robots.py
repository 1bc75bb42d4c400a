"""Ask a site's robots.txt whether a URL may be fetched (RFC 9309)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from protego import Protego

from services.feeds.canonical_url import host_of
from services.feeds.http_request import FetchFailed, Response
from services.feeds.politeness import DAY_S, retry_after_s

AGENT: Final = "newsloom"
"""The name by which a robots.txt addresses this program."""
ROBOTS_BYTES_MAX: Final = 500 * 1024
"""RFC 9309, 2.5: a reader must parse at least so much. The rest is ignored."""
FRESH_S: Final = DAY_S
"""RFC 9309, 2.4: not longer."""
PAUSE_S_MAX: Final = 300.0
"""A site that asks for longer pauses would get hardly any of its feeds read."""

Get = Callable[[str], Awaitable[Response]]
"""Requests the URL of a robots.txt and follows its redirects."""


@dataclass(frozen=True, slots=True)
class _CachedRules:
    rules: Protego
    expires: float


class Robots:
    """The robots.txt files of all sites, each fetched at most once a day."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._files: dict[str, _CachedRules] = {}

    async def check(self, url: str, get: Get) -> float:
        """Return the seconds to leave between two requests, if the URL may be fetched.

        Raises:
            FetchFailed: it may not, or the site does not say: it has to be asked again later.

        """
        rules = await self._rules(url, get)
        if not rules.can_fetch(url, AGENT):
            raise FetchFailed(
                f"the robots.txt of {host_of(url)} forbids it: ask the publisher to allow newsloom, or delete the feed"
            )
        pause_s = float(rules.crawl_delay(AGENT) or 0.0)
        # False for NaN, which is a number to Python's parser.
        return min(pause_s, PAUSE_S_MAX) if pause_s > 0 else 0.0

    async def _rules(self, url: str, get: Get) -> Protego:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        found = self._files.get(origin)
        if found is None or found.expires <= self._clock():
            text = self._text(await self._answer(origin, get)).decode(errors="replace")
            found = _CachedRules(Protego.parse(text), self._clock() + FRESH_S)
            self._files[origin] = found
        return found.rules

    async def _answer(self, origin: str, get: Get) -> Response:
        try:
            return await get(f"{origin}/robots.txt")
        except FetchFailed as error:
            raise FetchFailed(f"robots.txt: {error}", retry_after_s=error.retry_after_s) from error

    def _text(self, answer: Response) -> bytes:
        """Return the file; nothing if there is none, which allows everything."""
        if answer.status == HTTPStatus.OK:
            return answer.body
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise FetchFailed(
                f"robots.txt answers {answer.status}, so it is unknown whether the feed may be fetched: it is asked again later",
                retry_after_s=retry_after_s(answer.headers, self._clock()),
            )
        return b""
