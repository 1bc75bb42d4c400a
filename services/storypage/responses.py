"""Build responses: each with an ETag, and 304 for those that the client has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.storypage.resources import Problem

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
EVENT_STREAM: Final = "text/event-stream"
HTML: Final = "text/html; charset=utf-8"

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def respond(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    etag: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    cache: str = "no-cache",
) -> Response:
    """Return the body, or 304 if the client has it. `etag`: what identifies the body, else a hash of it."""
    tag = f'"{etag or hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**SECURITY_HEADERS, "ETag": tag, "Cache-Control": cache}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, status_code=status, media_type=media_type, headers=headers)


def respond_json(request: Request, value: msgspec.Struct, *, etag: str | None = None) -> Response:
    """Return the value as JSON."""
    return respond(request, msgspec.json.encode(value), JSON, etag=etag)


def redirect(location: str) -> Response:
    """Return a permanent redirect."""
    headers = {**SECURITY_HEADERS, "Location": location, "Cache-Control": "no-cache"}
    return Response(status_code=HTTPStatus.PERMANENT_REDIRECT, headers=headers)


def respond_problem(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem as JSON (RFC 9457)."""
    problem = Problem(title=status.phrase, status=status.value, detail=detail)
    body = msgspec.json.encode(problem)
    return Response(
        body,
        status_code=status,
        media_type=PROBLEM,
        headers={**SECURITY_HEADERS, "Cache-Control": "no-cache", **(headers or {})},
    )


def _matches(if_none_match: str, tag: str) -> bool:
    # Weak comparison (RFC 9110, 13.1.2).
    given = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return tag in given or "*" in given
