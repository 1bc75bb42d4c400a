"""The articles that producers write to `articles`."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

import msgspec

ID_BYTES_MAX = 256
TITLE_CHARACTERS_MAX = 2_000
TEXT_CHARACTERS_MAX = 300_000
DATE_EXAMPLE = "2026-11-10T08:00:00Z"
# The last group rejects a line feed at the end: in Python, $ also matches before one.
EDITION_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$(?!\n)"

DEFAULT_EDITION = "main"

Edition = Annotated[str, msgspec.Meta(pattern=EDITION_PATTERN)]
ArticleId = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_BYTES_MAX)]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
Label = Annotated[str, msgspec.Meta(max_length=256)]
"""The name of an outlet or an author."""
Url = Annotated[str, msgspec.Meta(max_length=2048)]


class Leaning(Enum):
    """The political leaning of an outlet, as labelled by the producer."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


class Article(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One article of one outlet, identified by (`edition`, `id`). The same id again is a duplicate or a correction.

    `published_at` is RFC 3339 with an offset. If it is missing or later than the record's timestamp, that timestamp is used
    instead, or the edition's event time in an archive. `title` or `text` may be empty (headline feeds), but not both.
    """

    id: ArticleId
    title: Annotated[str, msgspec.Meta(max_length=TITLE_CHARACTERS_MAX)]
    text: Annotated[str, msgspec.Meta(max_length=TEXT_CHARACTERS_MAX)]
    published_at: Timestamp | None = None
    url: Url | None = None
    outlet: Label | None = None
    author: Label | None = None
    language: Annotated[str, msgspec.Meta(max_length=35)] | None = None
    leaning: Leaning | None = None
    edition: Edition = DEFAULT_EDITION
