"""Atom (RFC 4287) and JSON Feed 1.1 of any list of stories.

The id of an entry is the story's id. `updated` moves when the story was made, merged or split, has another headline, or has grown
to one of `GROWTH_STEPS`; not with each article.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode
from xml.etree import ElementTree

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.storypage.context import Context
from services.storypage.lookup import list_stories
from services.storypage.read_model.times import from_ms
from services.storypage.requests import parse_query
from services.storypage.resources import StoryQuery, StorySummary
from services.storypage.responses import respond
from services.storypage.wording import count

ATOM = "application/atom+xml"
JSON_FEED = "application/feed+json"
_NAMESPACE = "http://www.w3.org/2005/Atom"
_EPOCH = from_ms(0)


class JsonFeedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A story in a JSON Feed."""

    id: str
    url: str
    title: str
    content_text: str
    date_published: datetime
    date_modified: datetime


class JsonFeed(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON Feed 1.1."""

    version: str
    title: str
    home_page_url: str
    feed_url: str
    items: list[JsonFeedItem]


class Entry(msgspec.Struct, frozen=True):
    """A story in a feed, and when it was last updated for feed readers."""

    story: StorySummary
    updated: datetime

    @property
    def text(self) -> str:
        """What the entry says below its title."""
        counts = f"{count(self.story.article_count, 'article')}, {count(self.story.report_count, 'report')}"
        return f"{self.story.dek}\n\n{counts}." if self.story.dek else f"{counts}."


class Feeds:
    """The endpoints `/feed.atom` and `/feed.json`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def atom(self, request: Request) -> Response:
        """Answer with an Atom feed."""
        query, entries = self._entries(request)
        return respond(request, self._atom(request, query, entries), ATOM)

    def json(self, request: Request) -> Response:
        """Answer with a JSON Feed."""
        query, entries = self._entries(request)
        base = base_url(self._context, request)
        feed = JsonFeed(
            version="https://jsonfeed.org/version/1.1",
            title=feed_title(query),
            home_page_url=f"{base}/",
            feed_url=f"{base}/feed.json{query_string(query)}",
            items=[
                JsonFeedItem(
                    id=entry_id(entry.story.id),
                    url=f"{base}/stories/{entry.story.id}",
                    title=entry.story.title,
                    content_text=entry.text,
                    date_published=entry.story.first_published_at,
                    date_modified=entry.updated,
                )
                for entry in entries
            ],
        )
        return respond(request, msgspec.json.encode(feed), JSON_FEED)

    def _entries(self, request: Request) -> tuple[StoryQuery, list[Entry]]:
        query = parse_query(request, StoryQuery)
        with self._context.read() as queries:
            stories, _ = list_stories(queries, query)
            noted = {story.id: queries.noted_ms(story.id) for story in stories}
        return query, [Entry(story, _updated(story, noted[story.id])) for story in stories]

    def _atom(self, request: Request, query: StoryQuery, entries: list[Entry]) -> bytes:
        base = base_url(self._context, request)
        feed = ElementTree.Element("feed", xmlns=_NAMESPACE)
        address = f"{base}/feed.atom{query_string(query)}"
        _add(feed, "id", address)
        _add(feed, "title", feed_title(query))
        _add(feed, "updated", _time(max((entry.updated for entry in entries), default=_EPOCH)))
        ElementTree.SubElement(feed, "link", rel="self", href=address)
        ElementTree.SubElement(feed, "link", rel="alternate", type="text/html", href=f"{base}/")
        _add(ElementTree.SubElement(feed, "author"), "name", "newsloom")
        for entry in entries:
            element = ElementTree.SubElement(feed, "entry")
            _add(element, "id", entry_id(entry.story.id))
            _add(element, "title", entry.story.title)
            _add(element, "published", _time(entry.story.first_published_at))
            _add(element, "updated", _time(entry.updated))
            ElementTree.SubElement(element, "link", rel="alternate", href=f"{base}/stories/{entry.story.id}")
            _add(element, "summary", entry.text)
        document: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
        return document


def entry_id(story_id: str) -> str:
    """Return the id of a story's entry in every feed."""
    return f"urn:newsloom:story:{story_id}"


def base_url(context: Context, request: Request) -> str:
    """Return the address of the page, without a slash at the end."""
    return (context.settings.page_url or str(request.base_url)).rstrip("/")


def query_string(query: StoryQuery) -> str:
    """Return the parameters that differ from their defaults, with a question mark, or nothing."""
    given = msgspec.to_builtins(query)
    changed = {name: value for name, value in given.items() if value not in {"", None, "recent"}}
    changed.pop("limit", None)
    return f"?{urlencode(changed)}" if changed else ""


def feed_title(query: StoryQuery) -> str:
    """Return the title of a list of stories."""
    filters = [
        query.q and f"“{query.q}”",
        query.outlet,
        query.leaning and query.leaning.value,
        query.edition,
        query.language,
    ]
    chosen = ", ".join(str(one) for one in filters if one)
    return f"newsloom: {chosen}" if chosen else "newsloom"


def _updated(story: StorySummary, noted_ms: int | None) -> datetime:
    # Without its updates, which the topic keeps for 90 days: a constant, so that the entry does not come up again.
    return story.first_published_at if noted_ms is None else from_ms(noted_ms)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = "".join(
        character for character in text if character in "\t\n" or (character >= " " and character not in "\ufffe\uffff")
    )
