"""What is read from a feed, whatever its format."""

from __future__ import annotations

from datetime import datetime

import msgspec


class NotAFeed(Exception):
    """Raised for a document that is not a feed. The message says what it is, and gives the fix."""


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry. An empty string means that the feed does not have it.

    `published` is the date as written; `published_utc` is feedparser's reading of it, None if it could not read it.
    """

    guid: str = ""
    link: str = ""
    title: str = ""
    text: str = ""
    published: str = ""
    published_utc: datetime | None = None
    author: str = ""


class FeedDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The entries of one document, newest first in most feeds, and how many were left out.

    `ttl_s` are the seconds for which the publisher asks not to fetch it again; 0 if it does not ask.
    """

    entries: tuple[FeedEntry, ...]
    omitted: int = 0
    language: str | None = None
    ttl_s: int = 0
