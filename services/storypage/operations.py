"""The operations of the HTTP API as data: the routes and the OpenAPI document are made from them."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request

from newsloom.contracts.story import Story, StoryUpdate
from services.storypage.api import Api
from services.storypage.feeds import ATOM, JSON_FEED, Feeds, JsonFeed
from services.storypage.resources import (
    ArticleList,
    ArticleQuery,
    ArticleResource,
    ChangeList,
    ChangesQuery,
    HistoryList,
    LiveQuery,
    PageQuery,
    StoryList,
    StoryQuery,
)
from services.storypage.responses import EVENT_STREAM, JSON
from services.storypage.stream import Stream

Handler = Callable[[Request], Any]

_OF_A_STORY: Final = (HTTPStatus.PERMANENT_REDIRECT, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One GET of the API. `answer` is the struct of its JSON, or None for other media types."""

    path: str
    summary: str
    handler: Handler
    query: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct] | None = None
    media_type: str = JSON
    others: tuple[HTTPStatus, ...] = ()
    """Statuses besides 200, 304 and, if there is a query, 400."""
    has_etag: bool = True


def operations(api: Api, feeds: Feeds, stream: Stream) -> list[Operation]:
    """Return all operations."""
    return [
        Operation(
            path="/api/stories", summary="Stories by recency, size or beginning, filtered and paged",
            handler=api.stories, query=StoryQuery, answer=StoryList,
        ),
        Operation(
            path="/api/changes", summary="Stories that changed after a position",
            handler=api.changes, query=ChangesQuery, answer=ChangeList,
        ),
        Operation(
            path="/api/stories/{story_id}", summary="One story; its ETag is its version",
            handler=api.story, answer=Story, others=_OF_A_STORY,
        ),
        Operation(
            path="/api/stories/{story_id}/history", summary="The versions of a story, newest first",
            handler=api.history, query=PageQuery, answer=HistoryList, others=_OF_A_STORY,
        ),
        Operation(
            path="/api/stories/{story_id}/history/{version}", summary="A story as of a version",
            handler=api.version, answer=StoryUpdate, others=_OF_A_STORY,
        ),
        Operation(
            path="/api/stories/{story_id}/articles", summary="The articles of a story, newest first",
            handler=api.articles, query=PageQuery, answer=ArticleList, others=_OF_A_STORY,
        ),
        Operation(
            path="/api/article", summary="One article with its text",
            handler=api.article, query=ArticleQuery, answer=ArticleResource, others=(HTTPStatus.NOT_FOUND,),
        ),
        Operation(
            path="/api/live", summary="Changes as server-sent events: `story` (a LiveUpdate), or `reset`: load anew",
            handler=stream.live, query=LiveQuery, media_type=EVENT_STREAM, has_etag=False,
        ),
        Operation(
            path="/feed.atom", summary="Stories as an Atom feed", handler=feeds.atom, query=StoryQuery, media_type=ATOM,
        ),
        Operation(
            path="/feed.json", summary="Stories as a JSON Feed",
            handler=feeds.json, query=StoryQuery, answer=JsonFeed, media_type=JSON_FEED,
        ),
    ]  # fmt: skip
