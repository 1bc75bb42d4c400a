"""The JSON API. Each endpoint reads one state of the read model."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.storypage.context import Context
from services.storypage.cursor import InvalidCursor, decode_cursor, encode_cursor
from services.storypage.lookup import find_article, find_story, list_stories, story_article
from services.storypage.positions import InvalidPositions, format_positions, parse_positions
from services.storypage.problems import bad_request, not_found
from services.storypage.read_model.times import to_ms
from services.storypage.requests import parse_query, path_id
from services.storypage.resources import (
    ArticleList,
    ArticleQuery,
    ChangeList,
    ChangesQuery,
    HistoryList,
    PageQuery,
    StoryList,
    StoryQuery,
)
from services.storypage.responses import respond_json


class Api:
    """The endpoints under `/api`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def stories(self, request: Request) -> Response:
        """Answer with a page of stories."""
        query = parse_query(request, StoryQuery)
        with self._context.read() as queries:
            stories, following = list_stories(queries, query)
            position = format_positions(queries.positions("stories"))
        return respond_json(request, StoryList(stories=stories, position=position, next=following))

    def changes(self, request: Request) -> Response:
        """Answer with the stories that changed after a position."""
        query = parse_query(request, ChangesQuery)
        try:
            after = parse_positions(query.changed_after)
        except InvalidPositions as error:
            raise bad_request(f"changed_after: {error}") from error
        with self._context.read() as queries:
            stories, position, more = queries.changes(after, query.limit)
        return respond_json(request, ChangeList(stories=stories, position=position, more=more))

    def story(self, request: Request) -> Response:
        """Answer with the story as it is on `stories`."""
        with self._context.read() as queries:
            story = find_story(queries, path_id(request, "story_id"))
        return respond_json(request, story, etag=str(story.version))

    def history(self, request: Request) -> Response:
        """Answer with the versions of the story."""
        query = parse_query(request, PageQuery)
        try:
            below = decode_cursor(query.cursor, int) if query.cursor else None
        except InvalidCursor as error:
            raise bad_request(str(error)) from error
        with self._context.read() as queries:
            story = find_story(queries, path_id(request, "story_id"))
            versions = queries.versions(story.id, below=below, limit=query.limit + 1)
        page, more = versions[: query.limit], len(versions) > query.limit
        following = encode_cursor(page[-1].version) if more else None
        return respond_json(request, HistoryList(versions=page, next=following))

    def version(self, request: Request) -> Response:
        """Answer with the story as of a version."""
        text = path_id(request, "version")
        # More digits than SQLite's integers have are of no version either.
        number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(2**62)) else 0
        with self._context.read() as queries:
            story = find_story(queries, path_id(request, "story_id"))
            update = queries.version(story.id, number)
        if update is None:
            raise not_found(f"Version {text[:20]} of this story is not at hand; the latest is {story.version}.")
        return respond_json(request, update)

    def articles(self, request: Request) -> Response:
        """Answer with the articles of the story."""
        query = parse_query(request, PageQuery)
        before = article_cursor(query.cursor)
        with self._context.read() as queries:
            story = find_story(queries, path_id(request, "story_id"))
            members = queries.members(story.id, before=before, limit=query.limit + 1)
        articles = [story_article(member) for member in members[: query.limit]]
        more = len(members) > query.limit
        following = encode_cursor([to_ms(articles[-1].published_at), articles[-1].id]) if more else None
        return respond_json(request, ArticleList(articles=articles, next=following))

    def article(self, request: Request) -> Response:
        """Answer with an article and its text."""
        query = parse_query(request, ArticleQuery)
        with self._context.read() as queries:
            return respond_json(request, find_article(queries, query))


def article_cursor(text: str) -> tuple[int, str] | None:
    """Return the publication time and id after which a page of articles begins; raise `HttpProblem`."""
    try:
        return decode_cursor(text, tuple[int, str]) if text else None
    except InvalidCursor as error:
        raise bad_request(str(error)) from error
