"""Read JSON Feed, versions 1 and 1.1 (https://www.jsonfeed.org/version/1.1/). No I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin

import msgspec

from services.feeds.feed_entry import FeedDocument, FeedEntry, NotAFeed

_VERSION: Final = "jsonfeed.org/version/1"


def read_json_feed(body: bytes, url: str) -> FeedDocument:
    """Return the entries of a JSON Feed; `url` is the one that answered, for relative links.

    Raises:
        NotAFeed: the bytes are other JSON, or none.

    """
    try:
        plain = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAFeed(f"begins like JSON, but is not: {error}") from error
    if _VERSION not in _text(plain, "version") or not isinstance(plain.get("items"), list):
        raise NotAFeed("JSON, but no JSON Feed: version or items is missing")
    return FeedDocument(
        entries=tuple(_entry(item, url) for item in plain["items"] if isinstance(item, dict)),
        language=_text(plain, "language") or None,
    )


def _entry(item: dict[str, Any], url: str) -> FeedEntry:
    link = _text(item, "url") or _text(item, "external_url")
    published = _text(item, "date_published") or _text(item, "date_modified")
    return FeedEntry(
        guid=_text(item, "id"),
        link=_absolute(url, link),
        title=_text(item, "title"),
        text=max(_text(item, "content_html"), _text(item, "content_text"), _text(item, "summary"), key=len),
        published=published,
        published_utc=_moment(published),
        author=_author(item),
    )


def _author(item: dict[str, Any]) -> str:
    # Version 1 has `author`, version 1.1 `authors`.
    authors = item.get("authors")
    listed = authors if isinstance(authors, list) else [item.get("author")]
    return ", ".join(filter(None, (_text(author, "name") for author in listed)))


def _text(value: object, name: str) -> str:
    """Return the field as text; an id may be a number. Empty if it is missing or of another type."""
    found = value.get(name) if isinstance(value, dict) else None
    return str(found).strip() if isinstance(found, str | int | float) and not isinstance(found, bool) else ""


def _absolute(url: str, link: str) -> str:
    try:
        return urljoin(url, link) if link else ""
    except ValueError:
        return ""


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
