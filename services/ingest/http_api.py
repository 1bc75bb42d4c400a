"""The endpoint `POST /articles`: it takes JSON lines, and answers 202 when they are committed to the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.records import Message
from services.ingest.article_parser import ParseOptions
from services.ingest.request_body import InvalidBody, LineError, parse_body

BODY_BYTES_MAX: Final = 8 * 1024**2
BODY_S_MAX: Final = 30.0
BODIES_MAX: Final = 16
"""Bodies that are held at the same time; other requests wait."""
RETRY_AFTER_S: Final = 5

Write = Callable[[Sequence[Message]], Awaitable[None]]
"""Returns once the records are committed."""


class Accepted(msgspec.Struct, frozen=True):
    """The answer to a request whose articles are on the log."""

    articles: int
    retractions: int


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457)."""

    title: str
    status: int
    detail: str
    errors: tuple[LineError, ...] = ()


class IngestMetrics:
    """The metrics of `newsloom ingest --listen`. docs/operations.md repeats this list, and a test compares the two."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "newsloom_ingest_requests", "Requests, by the status of their answer", ["status"], registry=self.registry
        )
        self.articles = Counter(
            "newsloom_ingest_articles", "Articles and retractions on the log", registry=self.registry
        )


class ArticlesApi:
    """Parses bodies and writes their articles to `topic`, all articles of a body or none."""

    def __init__(
        self, write: Write, parsing: ParseOptions, metrics: IngestMetrics, *, topic: str, record_bytes_max: int
    ) -> None:
        self._write = write
        self._parsing = parsing
        self._metrics = metrics
        self._topic = topic
        self._record_bytes_max = record_bytes_max
        self._bodies = asyncio.Semaphore(BODIES_MAX)

    def app(self) -> Starlette:
        """Return the web application."""
        return Starlette(
            routes=[Route("/articles", self._post, methods=["POST"])], exception_handlers={HTTPException: self._refuse}
        )

    async def _post(self, request: Request) -> Response:
        async with self._bodies:
            body = await _read(request)
            try:
                batch = parse_body(
                    body,
                    self._parsing,
                    topic=self._topic,
                    record_bytes_max=self._record_bytes_max,
                    now=datetime.now(UTC),
                )
                await self._write(batch.messages)
            except InvalidBody as error:
                return self._answer(_problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), error.errors))
            except (CommitFailed, LogUnavailable):
                detail = (
                    "the log is unavailable: send the request again. Articles that are on the log already count once"
                )
                return self._answer(
                    _problem(HTTPStatus.SERVICE_UNAVAILABLE, detail), {"Retry-After": str(RETRY_AFTER_S)}
                )
        self._metrics.articles.inc(len(batch.messages))
        return self._answer(Accepted(batch.articles, batch.retractions))

    async def _refuse(self, _request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
        advice = {404: "use POST /articles", 405: "use POST"}.get(error.status_code, error.detail)
        return self._answer(_problem(HTTPStatus(error.status_code), advice), error.headers)

    def _answer(self, answer: Accepted | Problem, headers: object = None) -> Response:
        status = answer.status if isinstance(answer, Problem) else HTTPStatus.ACCEPTED.value
        kind = "application/problem+json" if isinstance(answer, Problem) else "application/json"
        self._metrics.requests.labels(str(status)).inc()
        return Response(
            msgspec.json.encode(answer),
            status,
            headers=headers if isinstance(headers, dict) else None,
            media_type=kind,
        )


def _problem(status: HTTPStatus, detail: str, errors: tuple[LineError, ...] = ()) -> Problem:
    return Problem(title=status.phrase, status=status.value, detail=detail, errors=errors)


async def _read(request: Request) -> bytes:
    """Return the body; raise `HTTPException` if it is too long or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise HTTPException(413, f"over {BODY_BYTES_MAX:,} bytes: send fewer lines in a request")
    except TimeoutError as error:
        raise HTTPException(408, f"the body took over {BODY_S_MAX:.0f} s: send fewer lines in a request") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the body ends too early") from error
    return bytes(body)
