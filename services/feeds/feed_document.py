"""Read the entries of an RSS, Atom or JSON feed from its bytes. No I/O.

feedparser reads RSS and Atom in all the forms that publishers write. Its sanitizing is off: the embedder removes markup, and a
sanitized text would no longer be the publisher's.
"""

from __future__ import annotations

import io
import re
import sys
from calendar import timegm
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import feedparser
import msgspec

from services.feeds.feed_entry import FeedDocument, FeedEntry, NotAFeed
from services.feeds.json_feed import read_json_feed

ENTRIES_MAX: Final = 300
"""The newest entries of a document that are read. The progress on the log has room for the hashes of so many."""

_MINUTES: Final = 60
_CHARACTER: Final = re.compile(rb"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
_END_TAG: Final = re.compile(rb"</(?:[\w.-]+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_REPLACEMENT: Final = b"&#xFFFD;"


def read_document(body: bytes, *, content_type: str, url: str) -> FeedDocument:
    """Return the newest `ENTRIES_MAX` entries of the feed; `url` is the one that answered, for relative links.

    A damaged feed gives the entries that can be read; one that is cut does not, because its last entry may be cut too.

    Raises:
        NotAFeed: the bytes are something else or end too early; the message says what, and names the feed if a page links to one.

    """
    beginning = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not beginning:
        raise NotAFeed("the answer is empty: check the URL, or delete the feed from the list")
    if beginning == b"{":
        return _newest(read_json_feed(body, url))
    # A stream: feedparser would open bytes that look like a file name or a URL.
    parsed = feedparser.parse(
        io.BytesIO(_CHARACTER.sub(_valid_character, body)),
        response_headers={"content-location": url, "content-type": content_type},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not parsed.version:
        raise NotAFeed(_explain(body, parsed))
    # Without the zeros of UTF-16.
    if parsed.bozo and not _END_TAG.search(body.replace(b"\0", b"")):
        raise NotAFeed(
            "the document is cut: its end tag is missing. Nothing of it is read, and the next try may get all of it"
        )
    return _newest(
        FeedDocument(
            entries=tuple(_entry(entry) for entry in parsed.entries),
            language=parsed.feed.get("language") or None,
            ttl_s=_ttl_s(parsed.feed.get("ttl")),
        )
    )


def _valid_character(reference: re.Match[bytes]) -> bytes:
    """Return the reference, or that of U+FFFD for one that names no character: feedparser would fail on it."""
    digits, base = (reference[1], 16) if reference[1] else (reference[2], 10)
    number = int(digits, base) if len(digits) <= 7 else sys.maxunicode + 1  # noqa: PLR2004 - digits of the largest number
    is_surrogate = 0xD800 <= number <= 0xDFFF  # noqa: PLR2004
    return _REPLACEMENT if is_surrogate or number > sys.maxunicode else reference[0]


def _newest(document: FeedDocument) -> FeedDocument:
    entries = document.entries
    if len(entries) <= ENTRIES_MAX:
        return document
    dated = [(entry.published_utc, -position) for position, entry in enumerate(entries) if entry.published_utc]
    if len(dated) == len(entries):
        entries = tuple(entries[-position] for _, position in sorted(dated, reverse=True))
    return msgspec.structs.replace(document, entries=entries[:ENTRIES_MAX], omitted=len(entries) - ENTRIES_MAX)


def _entry(entry: Any) -> FeedEntry:
    moment = entry.get("published_parsed") or entry.get("updated_parsed")
    return FeedEntry(
        guid=_text(entry.get("id")),
        link=_text(entry.get("link")),
        title=_text(entry.get("title")),
        text=_text(max(_texts(entry), key=len)),
        published=_text(entry.get("published") or entry.get("updated")),
        published_utc=None if moment is None else datetime.fromtimestamp(timegm(moment), UTC),
        author=_text(entry.get("author")),
    )


def _text(value: str | None) -> str:
    # A numeric entity may name half of a surrogate pair, which is no character.
    return (value or "").encode(errors="replace").decode().strip()


def _texts(entry: Any) -> Iterable[str]:
    yield entry.get("summary") or ""
    for content in entry.get("content", ()):
        yield content.get("value") or ""


def _ttl_s(minutes: object) -> int:
    text = str(minutes)
    return int(text) * _MINUTES if text.isascii() and text.isdigit() and len(text) <= 6 else 0  # noqa: PLR2004 - years


def _explain(body: bytes, parsed: Any) -> str:
    feeds = [link.get("href") for link in parsed.feed.get("links", ()) if _is_feed_link(link)]
    if feeds:
        return f"a page, not a feed. It names its feed: use {feeds[0]}"
    if b"<html" in body[:10_000].lower():
        return "a page, not a feed: look for the address of its RSS or Atom feed"
    return "neither RSS, Atom nor JSON Feed: check the URL"


def _is_feed_link(link: Any) -> bool:
    return link.get("rel") == "alternate" and link.get("type") in {"application/rss+xml", "application/atom+xml"}
