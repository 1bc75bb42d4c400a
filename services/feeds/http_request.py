"""One HTTP request with bounds: on the size of the answer, compressed and not. The caller sets the deadline."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Final

import httpx2

from services.feeds.canonical_url import display_url

READ_S_MAX: Final = 15.0
"""The longest pause within an answer."""

HEADERS: Final = {
    "User-Agent": f"newsloom/{version('newsloom')} (feed reader)",
    "Accept": "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5",
    # Only what `_Decoder` can decode within bounds.
    "Accept-Encoding": "gzip",
}
_ENCODINGS: Final = {"gzip", "x-gzip", "deflate"}
_ANY_ZLIB: Final = 32 + zlib.MAX_WBITS


class FetchFailed(Exception):
    """There is no document; the message says why and what to do.

    `retry_after_s`: the server asks to wait so long. `gone`: it says that the document has been removed for good.
    """

    def __init__(self, reason: str, *, retry_after_s: int = 0, gone: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.gone = gone


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """The answer to one request. Only the body of a status 200 is read."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def new_client(trust: ssl.SSLContext) -> httpx2.AsyncClient:
    """Return a client without redirects and cookies of its own."""
    timeout = httpx2.Timeout(READ_S_MAX)
    return httpx2.AsyncClient(headers=HEADERS, timeout=timeout, follow_redirects=False, verify=trust)


async def get(
    client: httpx2.AsyncClient, url: str, headers: Mapping[str, str], *, bytes_max: int, truncate: bool = False
) -> Response:
    """Return the answer of the server; with `truncate`, the first `bytes_max` of a longer one.

    Raises:
        FetchFailed: there is no server, it speaks no HTTP or TLS, or the answer is damaged or too large.

    """
    try:
        async with client.stream("GET", url, headers=dict(headers)) as answer:
            body = b""
            if answer.status_code == HTTPStatus.OK:
                body = await _read(answer, bytes_max=bytes_max, truncate=truncate)
            return Response(url=url, status=answer.status_code, headers=answer.headers, body=body)
    except httpx2.ConnectError as error:
        raise FetchFailed(_connect_reason(url, error)) from error
    except httpx2.TimeoutException as error:
        raise FetchFailed(f"no answer for {READ_S_MAX:.0f} s: try it in a browser") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, UnicodeError) as error:
        raise FetchFailed(f"the answer is no valid HTTP ({error or type(error).__name__}): check the URL") from error


def _connect_reason(url: str, error: Exception) -> str:
    host = httpx2.URL(url).host
    text = str(error)
    if "ssl" in text.lower() or "certificate" in text.lower():
        return f"no valid TLS at {host} ({text}): if the feed is served without TLS, write http:// in its URL"
    if "Name or service" in text or "Temporary failure" in text or "nodename" in text or "No address" in text:
        return f"the name {host} cannot be resolved: check the URL and this machine's DNS"
    return f"{host} cannot be reached ({text}): check the URL and the network"


async def _read(answer: httpx2.Response, *, bytes_max: int, truncate: bool) -> bytes:
    decoder = _Decoder(answer.headers.get("content-encoding", "").strip().lower(), bytes_max=bytes_max)
    async for chunk in answer.aiter_raw():
        decoder.add(chunk)
        if decoder.is_full:
            if truncate:
                return decoder.body()
            raise FetchFailed(
                f"over {bytes_max // 1024:,} KiB at {display_url(str(answer.url))}: ask the publisher for a smaller one"
            )
    if not decoder.is_complete:
        raise FetchFailed("the compressed answer ends too early: the server is at fault, and the next try may succeed")
    return decoder.body()


class _Decoder:
    """Collects a body and decompresses it as it arrives, no further than `bytes_max`."""

    def __init__(self, encoding: str, *, bytes_max: int) -> None:
        if encoding not in {"", "identity", *_ENCODINGS}:
            raise FetchFailed(f"compressed with {encoding!r} although only gzip was asked for: the server is at fault")
        self._zlib = zlib.decompressobj(_ANY_ZLIB) if encoding in _ENCODINGS else None
        self._bytes_max = bytes_max
        self._body = bytearray()
        self._received = 0

    @property
    def is_full(self) -> bool:
        """Whether there is more than `bytes_max`, received or decompressed."""
        return max(len(self._body), self._received) > self._bytes_max

    @property
    def is_complete(self) -> bool:
        """Whether the end of the compressed data has come."""
        return self._zlib is None or self._zlib.eof or not self._received

    def add(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._zlib is None:
            self._body += chunk
            return
        try:
            # One byte more than allowed shows that there is more.
            self._body += self._zlib.decompress(chunk, self._bytes_max + 1 - len(self._body))
        except zlib.error as error:
            raise FetchFailed(f"the compressed answer is damaged ({error}): the server is at fault") from error

    def body(self) -> bytes:
        return bytes(self._body[: self._bytes_max])
