"""Turn the entries of a feed into rows, as a file of articles has them. No I/O."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from newsloom.contracts.article import ID_BYTES_MAX
from services.feeds.canonical_url import canonical_url, host_of, without_tracking
from services.feeds.feed_entry import FeedDocument, FeedEntry
from services.feeds.feed_list import Feed
from services.ingest.dates import InvalidDate, parse_date

LABEL_CHARACTERS_MAX: Final = 256
URL_CHARACTERS_MAX: Final = 2_048

_WEB: Final = re.compile(r"https?://[^/]", re.IGNORECASE)
_GLOBAL: Final = re.compile(r"(?:tag|urn):", re.IGNORECASE)

Row = dict[str, Any]


def article_rows(document: FeedDocument, feed: Feed, *, url: str, timezone: str) -> Iterator[Row]:
    """Yield a row for each article, oldest first as feeds list them, so that articles arrive in the order of their publication.

    An id is the same whatever happens to title, text and the parameters of the URL: the entry's guid, else its link, both in
    canonical form. A guid that is no URL counts within the host of the link. If entries with different links share a guid, it
    identifies nothing, and the links do. A row without an id (neither guid nor link) has None. Of equal ids the first counts.
    """
    shared = _shared_guids(document.entries)
    rows: dict[str | None, Row] = {}
    for entry in document.entries:
        row = _row(entry, document, feed, article_id=_article_id(entry, shared, url), timezone=timezone)
        rows.setdefault(row["id"] or f"\0{len(rows)}", row)
    yield from reversed(rows.values())


def _row(entry: FeedEntry, document: FeedDocument, feed: Feed, *, article_id: str | None, timezone: str) -> Row:
    language = feed.language or document.language
    row: Row = {
        "id": article_id,
        "title": entry.title,
        "text": entry.text,
        "published_at": _published_at(entry, timezone),
        "url": _article_url(entry.link),
        "outlet": feed.outlet or host_of(feed.url).removeprefix("www.")[:LABEL_CHARACTERS_MAX],
        "author": entry.author[:LABEL_CHARACTERS_MAX],
        "language": language if language and len(language) <= 35 else None,  # noqa: PLR2004 - the contract's limit
        "leaning": feed.leaning.value if feed.leaning else None,
        "edition": feed.edition,
    }
    return row


def _shared_guids(entries: tuple[FeedEntry, ...]) -> set[str]:
    pairs = {(entry.guid, _canonical(entry.link) or entry.link) for entry in entries if entry.guid and entry.link}
    return {guid for guid, number in Counter(guid for guid, _ in pairs).items() if number > 1}


def _article_id(entry: FeedEntry, shared: set[str], url: str) -> str | None:
    guid = "" if entry.guid in shared else entry.guid
    found = _canonical(guid) or (_scoped(guid, entry.link, url) if guid else _canonical(entry.link))
    if found and len(found.encode()) > ID_BYTES_MAX:
        return f"sha256:{hashlib.sha256(found.encode()).hexdigest()}"
    return found


def _scoped(guid: str, link: str, url: str) -> str:
    # Two sites may both number their articles 1, 2, 3.
    return guid if _GLOBAL.match(guid) else f"{host_of(link if _canonical(link) else url)}:{guid}"


def _canonical(text: str) -> str | None:
    """Return the canonical form of a URL; None if the text is none."""
    if not _WEB.match(text):
        return None
    try:
        return canonical_url(text)
    except ValueError:
        return None


def _article_url(link: str) -> str | None:
    if not _WEB.match(link):
        return None
    try:
        found = without_tracking(link)
    except ValueError:
        return None
    return found if len(found) <= URL_CHARACTERS_MAX else None


def _published_at(entry: FeedEntry, timezone: str) -> str | None:
    """Return the date as RFC 3339; None if it cannot be read: the article is then not dated, and not lost."""
    if not entry.published:
        return None
    try:
        return parse_date(entry.published, ZoneInfo(timezone)).moment.isoformat()
    except InvalidDate:
        return entry.published_utc.isoformat() if entry.published_utc else None
