"""What the JSON API gives, as structs. docs: `/openapi.json`, which is made from them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

import msgspec

from newsloom.contracts.article import DEFAULT_EDITION, Leaning
from newsloom.contracts.story import Cause, StoryState, StoryUpdate, UpdateKind

LIMIT_MAX = 100
LIMIT = 30


class Order(Enum):
    """`recent`: by the latest article; `new`: by the first article; `large`: by the number of articles."""

    RECENT = "recent"
    NEW = "new"
    LARGE = "large"


class StoryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stories are listed: open and closed ones that have articles and are not merged into another."""

    order: Order = Order.RECENT
    edition: Annotated[str, msgspec.Meta(max_length=64)] = ""
    outlet: Annotated[str, msgspec.Meta(max_length=256)] = ""
    leaning: Leaning | None = None
    language: Annotated[str, msgspec.Meta(max_length=35)] = ""
    q: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """Words that the titles or first sentences of a story's articles contain, each of them."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT
    cursor: Annotated[str, msgspec.Meta(max_length=400)] = ""
    """`next` of the page before."""


class ChangesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which changes are listed: the stories that changed after a position, merged ones too."""

    changed_after: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    """`position` of an answer, or empty for the beginning."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of a list."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT
    cursor: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class StorySummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A story in a list. `leanings` counts the articles of outlets with a rating; the others are unrated."""

    id: str
    edition: str
    state: StoryState
    version: int
    title: str
    dek: str
    article_count: int
    report_count: int
    outlet_count: int
    leanings: dict[str, int]
    first_published_at: datetime
    last_published_at: datetime
    updated_at: datetime
    merged_into: str | None = None


class StoryList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of stories. `next` is the cursor of the next page, or null.

    A walk over the pages gives no story twice. A story that changes meanwhile may move ahead of the walk: `position` is that
    of this page, and `/api/changes?changed_after=` the first page's gives all of these.
    """

    stories: list[StorySummary]
    position: str
    next: str | None


class ChangeList(msgspec.Struct, frozen=True, kw_only=True):
    """Stories in the order in which they changed, each with its latest version. `position` is where to go on."""

    stories: list[StorySummary]
    position: str
    more: bool


class StoryArticle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An article of a story. `reason` says in words why the article is there."""

    id: str
    edition: str
    story_id: str
    title: str
    published_at: datetime
    reason: str
    outlet: str | None = None
    leaning: Leaning | None = None
    language: str | None = None
    url: str | None = None
    copy_of: str | None = None
    sample: bool = False


class ArticleList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a story's articles, newest first."""

    articles: list[StoryArticle]
    next: str | None


class ArticleResource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An article with its text: `paragraphs`, and what is repeated or not part of it in `left_out`.

    `has_text` is false if the text is no longer on the topic that this page was made from.
    """

    article: StoryArticle
    has_text: bool
    paragraphs: list[str] = []
    left_out: list[str] = []
    author: str | None = None


class ArticleQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which article."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    edition: Annotated[str, msgspec.Meta(max_length=64)] = DEFAULT_EDITION


class LiveQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the stream of live updates begins, unless the header Last-Event-ID says it, and of which story it is."""

    after: Annotated[str, msgspec.Meta(max_length=4_000)] | None = None
    """The id of an event. Absent: from now on."""
    story: Annotated[str, msgspec.Meta(max_length=64)] = ""


class LiveUpdate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The data of an event `story`: one change of one story."""

    story_id: str
    edition: str
    version: int
    kind: UpdateKind
    cause: Cause
    at: datetime
    title: str
    article_count: int
    article_count_before: int
    merged_into: str | None = None


class HistoryList(msgspec.Struct, frozen=True, kw_only=True):
    """Versions of a story, newest first, as they were published: each a `StoryUpdate` of docs/events.md."""

    versions: list[StoryUpdate]
    next: str | None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer (RFC 9457)."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
