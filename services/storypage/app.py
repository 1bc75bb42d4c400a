"""The web application: routes, errors, request metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.storypage.api import Api
from services.storypage.context import Context
from services.storypage.feeds import Feeds
from services.storypage.metrics import PageMetrics
from services.storypage.openapi import openapi
from services.storypage.operations import operations
from services.storypage.pages import Pages
from services.storypage.problems import HttpProblem, MergedStory
from services.storypage.responses import HTML, JSON, SECURITY_HEADERS, redirect, respond, respond_problem
from services.storypage.stream import Stream
from services.storypage.templates import Templates, media_type

FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
_FOR_PROGRAMS: Final = ("/api/", "/static/", "/feed.atom/", "/feed.json/", "/openapi.json/")
"""Beginnings of the paths, each with a slash at its end, whose errors are problem details; those of all others are pages."""

_log = structlog.get_logger("newsloom.storypage")


def build_app(context: Context, metrics: PageMetrics) -> ASGIApp:
    """Build the application."""
    templates = Templates()
    pages = Pages(context, templates)
    api_operations = operations(Api(context), Feeds(context), Stream(context, metrics))
    document = msgspec.json.encode(openapi(api_operations))

    def describe(request: Request) -> Response:
        return respond(request, document, JSON)

    def static(request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in templates.static:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return respond(request, templates.static[name], media_type(name), cache=FOR_A_YEAR)

    errors = _Errors(templates, context)
    app = Starlette(
        routes=[
            Route("/", pages.front),
            Route("/stories", pages.stories),
            Route("/stories/{story_id}", pages.story),
            Route("/article", pages.article),
            Route("/static/{name}", static),
            Route("/openapi.json", describe),
            *(Route(one.path, one.handler) for one in api_operations),
        ],
        exception_handlers={
            HttpProblem: errors.problem,
            MergedStory: errors.merged,
            HTTPException: errors.http,
            Exception: errors.crash,
        },
    )
    return _Measured(app, metrics)


class _Errors:
    """Answers for browsers as pages, for all others as problem details."""

    def __init__(self, templates: Templates, context: Context) -> None:
        self._templates = templates
        self._context = context

    def problem(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HttpProblem)  # noqa: S101 - for the type checker
        return self._answer(request, error.status, error.detail)

    def merged(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, MergedStory)  # noqa: S101 - for the type checker
        old = str(request.path_params["story_id"])
        segments = (error.successor if segment == old else segment for segment in str(request.scope["path"]).split("/"))
        return redirect("/".join(quote(segment, safe="") for segment in segments))

    def http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
        status = HTTPStatus(error.status_code)
        return self._answer(request, status, f"{status.description or status.phrase}.", error.headers)

    def crash(self, request: Request, error: Exception) -> Response:
        _log.error("request.failed", path=request.url.path, error=f"{type(error).__name__}: {error}")
        return self._answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "An error of the story page; it is in its log.")

    def _answer(
        self, request: Request, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        if f"{request.url.path}/".startswith(_FOR_PROGRAMS):
            return respond_problem(status, detail, headers)
        values = {"status": status.value, "title": status.phrase, "detail": detail, "now": self._context.now()}
        body = self._templates.render("problem.html", {**values, "position": None, "latest_at": None})
        return Response(body, status_code=status, media_type=HTML, headers={**SECURITY_HEADERS, **(headers or {})})


class _Measured:
    """Counts the requests and measures them; streams are counted when they begin."""

    def __init__(self, app: ASGIApp, metrics: PageMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.labels(str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, count)
        if scope["path"] != "/api/live":
            self._metrics.request_seconds.observe(time.perf_counter() - began_s)
