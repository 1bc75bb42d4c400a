"""Times, numbers and changes in words."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from newsloom.contracts.story import Cause, HistoryEntry, UpdateKind

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
_RESERVED: Final = (".example", ".test", ".invalid", "example.com", "example.org", "example.net")
"""Domains that RFC 2606 reserves: an article there is invented."""

_KINDS: Final = {
    UpdateKind.CREATED: "began",
    UpdateKind.MERGED: "merged with another story",
    UpdateKind.SPLIT: "split: articles moved to a story of their own",
    UpdateKind.MOVED: "an article moved",
    UpdateKind.CLOSED: "closed",
}


def count(number: int, noun: str) -> str:
    """Return `1 article`, `1,234 articles`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago the moment was, to the largest unit: `5 min ago`, `2 h ago`, `3 days ago`, then the date."""
    seconds = (now - moment).total_seconds()
    if seconds < MINUTE_S:
        return "now"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min ago"
    if seconds < DAY_S:
        return f"{seconds // HOUR_S:.0f} h ago"
    days = int(seconds // DAY_S)
    if days < 7:  # noqa: PLR2004 - a week
        return "yesterday" if days == 1 else f"{days} days ago"
    return f"{moment.day} {moment:%b %Y}" if moment.year != now.year else f"{moment.day} {moment:%b}"


def when(moment: datetime, now: datetime) -> str:
    """Return how long ago the moment was; older than a week, with its time: `14 Apr 2025, 07:30`."""
    text = ago(moment, now)
    return text if text == "now" or text.endswith("ago") or text == "yesterday" else f"{text}, {moment:%H:%M}"


def full_time(moment: datetime) -> str:
    """Return date and time in UTC: `14 Apr 2025, 07:30 UTC`."""
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def is_sample(url: str | None) -> bool:
    """Return whether the address is in a domain that is reserved for examples, so that the article is invented."""
    host = _host(url)
    return any(host == domain.lstrip(".") or host.endswith(f".{domain.lstrip('.')}") for domain in _RESERVED)


def web_address(url: str | None) -> str | None:
    """Return the address if it is of the web, else None: a link must not run code."""
    return url if url is not None and url.startswith(("https://", "http://")) and _host(url) else None


def change_of(entry: HistoryEntry, previous: HistoryEntry | None) -> str:
    """Return what a version changed besides the number of articles, such as a merge; empty if an article joined and no more."""
    parts = [_KINDS[entry.kind]] if entry.kind in _KINDS else []
    if entry.cause is Cause.RETRACTION:
        parts.append("an article was withdrawn")
    if entry.cause is Cause.COMMAND:
        parts.append("by an editor")
    if previous is not None and entry.title != previous.title:
        parts.append(f"new headline: “{entry.title}”")
    return ", ".join(parts)


def _host(url: str | None) -> str:
    try:
        return (urlsplit(url or "").hostname or "").lower()
    except ValueError:
        return ""
