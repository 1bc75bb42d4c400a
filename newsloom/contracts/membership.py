"""What the clusterer keeps in `article-stories`: which story an article is in, and what it needs to go on after a restart."""

from __future__ import annotations

from enum import Enum

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Label, Leaning, Timestamp, Url


class Verdict(Enum):
    """How an article came to its story."""

    FOUNDED = "founded"
    JOINED = "joined"
    COPIED = "copied"
    KEPT = "kept"
    MERGED = "merged"


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an article is in its story: the verdict, the best story's score, and the bar it had to reach."""

    verdict: Verdict
    bar: float
    best_story_id: str | None = None
    best_score: float | None = None


class Membership(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="membership"):
    """An article's place, and the clusterer's own record of it.

    `sequence` is the article's place in the order of arrival within its edition. `vector` is the embedding in fixed
    point: int16, little-endian, scaled by 2**14; `shingles` as in `ArticleVector`. Both are empty in records
    written after the story closed.
    """

    article_id: ArticleId
    edition: Edition
    story_id: str
    sequence: int
    title: str
    published_at: Timestamp
    digest: str
    words: int
    shingles: bytes
    vector: bytes
    decision: Decision
    url: Url | None = None
    outlet: Label | None = None
    language: str | None = None
    leaning: Leaning | None = None
    copy_of: ArticleId | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="checkpoint"):
    """How far an edition has come: what memberships and stories do not say.

    `watermark` is the latest publication time taken in; `next_sequence` the place of the next article; `model` and
    `dimension` are what every vector of the edition was made with.
    """

    edition: Edition
    watermark: Timestamp
    next_sequence: int
    model: str
    dimension: int


StateRecord = Membership | Checkpoint


def membership_key(edition: str, article_id: str) -> bytes:
    """The key of an article's membership. Editions hold no slash, so the key is unambiguous."""
    return f"{edition}/{article_id}".encode()


def checkpoint_key(edition: str) -> bytes:
    """The key of an edition's checkpoint: a membership key with no article, which no article can have."""
    return f"{edition}/".encode()
