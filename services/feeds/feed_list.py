"""The feeds to read: one URL, or a TOML file of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec

from newsloom.contracts.article import EDITION_PATTERN, Edition, Label, Leaning

FEEDS_MAX: Final = 10_000
LIST_BYTES_MAX: Final = 8 * 1024 * 1024

_FIELD: Final = re.compile(
    r"(?P<reason>.*?)(?: - at `\$(?:\.feed)?(?:\[(?P<index>\d+)\])?(?:\.(?P<field>\w+))?`)?", re.DOTALL
)


class InvalidFeedList(Exception):
    """Raised for a list that cannot be read. The message names the file, the feed and the field, and gives the fix."""


class Feed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One feed, and what its articles get: fields left out come from the feed itself or the options of the ingest."""

    url: str
    outlet: Label | None = None
    leaning: Leaning | None = None
    edition: Edition | None = None
    language: Annotated[str, msgspec.Meta(max_length=35)] | None = None


class _FeedList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    feed: list[Feed]


def is_feed_url(name: str) -> bool:
    """Return whether this is an http or https URL with a host."""
    try:
        parts = urlsplit(name)
        return parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_feed_list(name: str) -> bool:
    """Return whether this is the name of a list of feeds, which ends in .toml."""
    return name.lower().endswith(".toml")


def load_feeds(path: Path) -> tuple[Feed, ...]:
    """Read a list of feeds, in the file's order.

    Raises:
        InvalidFeedList: the file is missing or not TOML, a field is wrong or unknown, or a URL occurs twice.

    """
    try:
        text = path.read_bytes()
        if len(text) > LIST_BYTES_MAX:
            raise InvalidFeedList(f"{path} is larger than {LIST_BYTES_MAX:,} bytes: split it into several lists")
        plain = tomllib.loads(text.decode())
    except OSError as error:
        raise InvalidFeedList(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFeedList(f"{path} is not TOML: {error}") from error
    try:
        feeds = msgspec.convert(plain, _FeedList).feed
    except msgspec.ValidationError as error:
        raise InvalidFeedList(f"{path}: {_explain(str(error))}") from error
    _check(path, feeds)
    return tuple(feeds)


def _check(path: Path, feeds: list[Feed]) -> None:
    if not feeds or len(feeds) > FEEDS_MAX:
        raise InvalidFeedList(f"{path} has {len(feeds):,} feeds: write 1 to {FEEDS_MAX:,} of them, each under [[feed]]")
    seen: set[str] = set()
    for number, feed in enumerate(feeds, 1):
        if not is_feed_url(feed.url):
            raise InvalidFeedList(f"{path}: feed {number}: url {feed.url!r} is not an http or https URL")
        if feed.url in seen:
            raise InvalidFeedList(f"{path}: feed {number}: {feed.url} is listed twice: delete one")
        seen.add(feed.url)


def _explain(message: str) -> str:
    """Turn the message of msgspec into one that counts feeds from 1 and says what is allowed."""
    found = _FIELD.fullmatch(message)
    if found is None or found["index"] is None:
        return f"{message}: write each feed under [[feed]]"
    reason = {
        "leaning": "leaning must be left, center or right",
        "edition": f"edition must match {EDITION_PATTERN}",
    }.get(found["field"] or "", f"{found['field']}: {found['reason']}" if found["field"] else found["reason"])
    fields = ", ".join(Feed.__struct_fields__)
    hint = f"; the fields are {fields}" if "unknown field" in reason else ""
    return f"feed {int(found['index']) + 1}: {reason}{hint}"
