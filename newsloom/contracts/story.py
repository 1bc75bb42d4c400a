"""The stories that the clusterer publishes to `stories`, and their changes, which it publishes to `story-updates`.

Engines hold many history entries, which are in no reference cycle: `gc=False` spares the garbage collector their scan.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Leaning, Timestamp
from newsloom.contracts.command import CommandRef

ARTICLES_MAX = 40
"""Articles that a story lists, the latest ones. It lists fewer if the story would exceed `STORY_BYTES_MAX`."""
STORY_BYTES_MAX = 61_440
OUTLETS_MAX = 100
OUTLETS_BYTES_MAX = 8_192
"""Size as JSON of the names in `outlets`."""
HISTORY_MAX = 64
TITLE_LISTED_MAX = 200
"""Characters of a title in `articles` and `history`."""
HISTORY_TITLE_BYTES_MAX = 256
"""Size as JSON of a title in `history`, which has up to `HISTORY_MAX` of them."""
RELATED_MAX = 10
LINEAGE_MAX = 100
"""`merged_from` and `split_into` list the latest stories. Each of those stories keeps its own `merged_into` or `split_from`."""
KEPT_APART_MAX = 100
"""The list is never shortened to fit: a command or merge that would exceed this limit is refused."""


class StoryState(Enum):
    """`open`: may grow. `closed`: empty, or without a new article for a whole window. `merged`: now part of `merged_into`."""

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
    """Why a story changed."""

    ARTICLE = "article"
    CORRECTION = "correction"
    RETRACTION = "retraction"
    SIMILARITY = "similarity"
    SILENCE = "silence"
    RELATED = "related"
    COMMAND = "command"


class ArticleRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An article in the list of a story. `copy_of` is the report that it is a copy of. Titles are truncated to 200 characters."""

    id: ArticleId
    title: str
    published_at: Timestamp
    outlet: str | None = None
    leaning: Leaning | None = None
    url: str | None = None
    copy_of: str | None = None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One published change of a story's article count: the version that made it, its event time, its kind and its cause."""

    version: int
    at: Timestamp
    article_count: int
    title: str
    kind: UpdateKind = UpdateKind.UPDATED
    cause: Cause = Cause.ARTICLE


class _StoryLinks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last fields of both `Story` and `StoryUpdate`. Add a field of both here.

    Keyword-only fields come last in the JSON, which is why the two classes themselves are not `kw_only`.
    """

    merged_into: str | None = None
    merged_from: tuple[str, ...] = ()
    split_from: str | None = None
    split_into: tuple[str, ...] = ()
    kept_apart: tuple[str, ...] = ()
    pinned: CommandRef | None = None
    related: tuple[str, ...] = ()


class Story(_StoryLinks, frozen=True, omit_defaults=True):
    """The complete latest version of a story.

    `article_count` counts all articles, `report_count` those that are not copies. `outlets` has the article counts of the
    most frequent outlets, at most `OUTLETS_MAX` of them and `OUTLETS_BYTES_MAX` of names; `outlet_count` counts all outlets.
    The counts by outlet or leaning may add up to less than `article_count`, as not every article has one.

    `title` is that of the report `title_article_id`, or a part of it: rubrics at its ends are cut, such as "Live:" or the name
    of a site. Titles that other open stories have, too, are not chosen as long as the story has another one. A merged or
    emptied story keeps its last title and has no articles.

    `history` has one entry for each published change of the article count, oldest first. With more than `HISTORY_MAX`
    entries, the inner entry whose neighbours' counts are closest in ratio is removed (the newest on a tie); the first and
    the latest always stay. Its titles are truncated to 200 characters and 256 bytes. `articles` lists the
    latest articles by publication time, newest first, up to a limit; `articles_omitted` counts the others. `updated_at` is
    event time: the edition's watermark when this version was made.

    `split_from` and `split_into` are the two sides of a split. `pinned` is the command that pinned the story. `kept_apart`
    lists the stories that the engine never merges with this one: a split or a move separated them, or they were split off
    from such a story later. It may include closed stories.
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


class StoryUpdate(_StoryLinks, frozen=True, omit_defaults=True):
    """One change of one story. The versions of a story are 1, 2, 3, ..., without gaps or duplicates.

    `article` is the article that caused the change, `command` the command that did; an update may have neither.
    `article_count_before` is the count before the change. `article_ids` are the articles that a split moved to a new story.
    `late` is true if the article joined a story that had closed before; the cause is `article` as for any other, because readers
    of earlier versions refuse a cause that they do not know.
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
    late: bool = False
