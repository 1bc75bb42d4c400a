"""The pages for readers, rendered on the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import DAY_MS, STORY_UPDATES
from services.storypage.api import article_cursor
from services.storypage.choices import find_choices
from services.storypage.context import Context
from services.storypage.coverage import coverage
from services.storypage.cursor import encode_cursor
from services.storypage.feeds import feed_title, query_string
from services.storypage.growth_plot import growth_path
from services.storypage.history import history_lines
from services.storypage.lookup import find_article, find_story, list_stories, story_article
from services.storypage.page_cache import PageCache
from services.storypage.positions import format_positions
from services.storypage.ratings import load_ratings
from services.storypage.read_model.queries import Queries
from services.storypage.read_model.times import from_ms, to_ms
from services.storypage.requests import parse_form, path_id
from services.storypage.resources import ArticleQuery, PageQuery, StoryQuery, StorySummary
from services.storypage.responses import HTML, respond
from services.storypage.templates import Templates

LARGEST: Final = 14
LATEST: Final = 24
LARGEST_MIN: Final = 8
LARGEST_DAYS: Final = (2, 7, 365)
"""The front page shows the largest stories of the last days, counted from the newest article: of more days if they are few."""
ARTICLES: Final = 60

MINUTE_S: Final = 60


class Pages:
    """The endpoints for browsers. They ignore parameters that they do not know."""

    def __init__(self, context: Context, templates: Templates) -> None:
        self._context = context
        self._templates = templates
        self._cache = PageCache()
        self._ratings = load_ratings(context.settings.page_ratings)

    def front(self, request: Request) -> Response:
        """Answer with the largest stories of the last days, and the latest ones."""
        with self._context.read() as queries:

            def render() -> bytes:
                largest, days = _largest(queries)
                latest, _ = queries.list_stories(StoryQuery(limit=LATEST))
                return self._render(
                    "front.html", {"largest": largest, "days": days, "latest": latest, **_live(queries)}
                )

            return self._cached(request, queries, render)

    def stories(self, request: Request) -> Response:
        """Answer with a list of stories and the form that filters it."""
        query = parse_form(request, StoryQuery)
        with self._context.read() as queries:

            def render() -> bytes:
                stories, following = list_stories(queries, query)
                choices = find_choices(queries)
                values = {"query": query, "stories": stories, "next": following, "choices": choices, **_live(queries)}
                values |= {"title": feed_title(query), "query_string": query_string(query)}
                return self._render("stories.html", values)

            return self._cached(request, queries, render)

    def story(self, request: Request) -> Response:
        """Answer with a story."""
        query = parse_form(request, PageQuery)
        now = self._context.now()
        with self._context.read() as queries:
            story = find_story(queries, path_id(request, "story_id"))
            (summary,) = queries.summaries([story.id])
            members = queries.members(story.id, before=article_cursor(query.cursor), limit=ARTICLES + 1)
            articles = [story_article(member) for member in members[:ARTICLES]]
            parted = [*([story.split_from] if story.split_from else []), *story.split_into]
            values = {
                "related": _unmerged(queries, story.related),
                "parted": _unmerged(queries, parted),
                **_live(queries),
            }
        more = len(members) > ARTICLES
        values |= {
            "story": story,
            "summary": summary,
            "ratings_source": self._ratings.source,
            "coverage": coverage(articles),
            "next": encode_cursor([to_ms(articles[-1].published_at), articles[-1].id]) if more else None,
            "is_first_page": not query.cursor,
            "history": history_lines(story.history, now),
            "growth": growth_path(story.history),
        }
        return self._page(request, "story.html", values)

    def article(self, request: Request) -> Response:
        """Answer with an article."""
        query = parse_form(request, ArticleQuery)
        with self._context.read() as queries:
            article = find_article(queries, query)
            stories = queries.summaries([article.article.story_id])
            values = {"text": article, "article": article.article, "stories": stories, **_live(queries)}
        return self._page(request, "article.html", values)

    def _page(self, request: Request, template: str, values: dict[str, Any]) -> Response:
        return respond(request, self._render(template, values), HTML)

    def _render(self, template: str, values: dict[str, Any]) -> bytes:
        return self._templates.render(template, {**values, "now": self._context.now()})

    def _cached(self, request: Request, queries: Queries, render: Callable[[], bytes]) -> Response:
        minute = int(self._context.now().timestamp()) // MINUTE_S
        address = f"{request.url.path}?{request.url.query}"
        body = self._cache.get(address, (queries.generation(), minute), render)
        return respond(request, body, HTML)


def _largest(queries: Queries) -> tuple[list[StorySummary], int]:
    """Return the largest stories, and the number of days that they are from."""
    newest_ms, stories, days = queries.latest_ms(), list[StorySummary](), 0
    for days in LARGEST_DAYS:
        stories = queries.largest_since(newest_ms - days * DAY_MS, limit=LARGEST)
        if len(stories) >= LARGEST_MIN:
            break
    return stories, days


def _unmerged(queries: Queries, story_ids: Sequence[str]) -> list[StorySummary]:
    """Return those of the stories that are still known, without those that are part of another one."""
    return [story for story in queries.summaries(story_ids) if story.state is not StoryState.MERGED]


def _live(queries: Queries) -> dict[str, Any]:
    """Return where the live updates of a page go on, and the time of the newest article."""
    latest: datetime | None = from_ms(queries.latest_ms()) if queries.latest_ms() else None
    return {"position": format_positions(queries.positions(STORY_UPDATES.name)), "latest_at": latest}
