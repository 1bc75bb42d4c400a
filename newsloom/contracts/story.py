"""What the clusterer publishes: stories as they stand, and every change on the way there.

`gc=False`: an engine holds so many of these that the garbage collector's walks would show; they are in no reference cycle.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Leaning, Timestamp
from newsloom.contracts.command import CommandRef

ARTICLES_MAX = 40
"""A story lists its latest articles, at most this many, and at most as many as make a story of `STORY_BYTES_MAX`."""
STORY_BYTES_MAX = 61_440
OUTLETS_MAX = 100
OUTLETS_BYTES_MAX = 8_192
"""Outlets are named while their names, as JSON, take no more than this."""
HISTORY_MAX = 64
TITLE_LISTED_MAX = 200
"""Characters of a title in a list of articles or a history."""
HISTORY_TITLE_BYTES_MAX = 256
"""What a title in a history takes as JSON: there may be `HISTORY_MAX` of them."""
RELATED_MAX = 10
LINEAGE_MAX = 100
"""`merged_from` and `split_into` name the latest; each of those stories itself says where it went or came from."""
KEPT_APART_MAX = 100
"""A bound that is never reached by forgetting: what would exceed it is not done."""


class StoryState(Enum):
    """`open`: may still grow. `closed`: silent for a whole window, or empty. `merged`: lives on in `merged_into`."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


class UpdateKind(Enum):
    """What happened to a story."""

    CREATED = "created"
    UPDATED = "updated"
    MERGED = "merged"
    SPLIT = "split"
    MOVED = "moved"
    CLOSED = "closed"


class Cause(Enum):
    """Why it happened."""

    ARTICLE = "article"
    CORRECTION = "correction"
    RETRACTION = "retraction"
    SIMILARITY = "similarity"
    SILENCE = "silence"
    RELATED = "related"
    COMMAND = "command"


class ArticleRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An article as a story lists it. `copy_of` is the article whose text it repeats. Titles are cut at 200 characters."""

    id: ArticleId
    title: str
    published_at: Timestamp
    outlet: str | None = None
    leaning: Leaning | None = None
    url: str | None = None
    copy_of: str | None = None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One published change of a story's article count: the version that made it, when in event time, and what made it."""

    version: int
    at: Timestamp
    article_count: int
    title: str
    kind: UpdateKind = UpdateKind.UPDATED
    cause: Cause = Cause.ARTICLE


class Story(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A story, whole, as of its latest version.

    `article_count` counts every article, `report_count` only those that do not repeat another one's text. `outlets` names
    the most frequent outlets, at most `OUTLETS_MAX` and `OUTLETS_BYTES_MAX` of names; `outlet_count` counts all of them.
    Articles without an outlet or a leaning are in neither, so that the parts may add up to less than the whole.

    `title` is the title of `title_article_id`, the report nearest to what all of them say. A merged or emptied story keeps
    its last title, and has no articles.

    `history` has one entry for every published change of the article count, oldest first. Over `HISTORY_MAX` entries
    it is thinned: the inner entry whose neighbours' counts are nearest in ratio goes (the newest on a tie), never the
    first and never the latest. Its titles are cut at 200 characters and 256 bytes. `articles` lists the latest by
    publication, newest first, capped; `articles_omitted` says how many are left out. `updated_at` is event time: how far the
    edition's stream had come when this version was made.

    `split_from` and `split_into` are the two sides of a split. `pinned` is the command that pinned the story. `kept_apart`
    names the stories that a split or a move has told from this one, and those split off from them since: the engine never
    merges them. It may still name some that have closed.
    """

    id: str
    edition: Edition
    state: StoryState
    title: str
    title_article_id: ArticleId
    version: int
    article_count: int
    report_count: int
    outlet_count: int
    outlets: dict[str, int]
    leanings: dict[str, int]
    first_published_at: Timestamp
    last_published_at: Timestamp
    updated_at: Timestamp
    history: tuple[HistoryEntry, ...]
    articles: tuple[ArticleRef, ...]
    articles_omitted: int = 0
    merged_into: str | None = None
    merged_from: tuple[str, ...] = ()
    split_from: str | None = None
    split_into: tuple[str, ...] = ()
    kept_apart: tuple[str, ...] = ()
    pinned: CommandRef | None = None
    related: tuple[str, ...] = ()


class StoryUpdate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of one story. Versions of a story run 1, 2, 3, ... without gap or repeat.

    `article` is the article that made the change, where one did; `article_count_before` what the story had until then.
    `article_ids` are those that a split took along, on both of its sides. `command` is the command that made the change.
    """

    story_id: str
    edition: Edition
    version: int
    kind: UpdateKind
    cause: Cause
    at: Timestamp
    state: StoryState
    title: str
    article_count: int
    article_count_before: int
    report_count: int
    outlet_count: int
    outlets: dict[str, int]
    leanings: dict[str, int]
    article: ArticleRef | None = None
    article_ids: tuple[ArticleId, ...] = ()
    command: CommandRef | None = None
    merged_into: str | None = None
    merged_from: tuple[str, ...] = ()
    split_from: str | None = None
    split_into: tuple[str, ...] = ()
    kept_apart: tuple[str, ...] = ()
    pinned: CommandRef | None = None
    related: tuple[str, ...] = ()
