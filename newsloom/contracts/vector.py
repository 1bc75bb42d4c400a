"""What the embedder writes to `article-vectors`."""

from __future__ import annotations

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Label, Leaning, Timestamp, Url


class ArticleVector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="vector"):
    """An article as the clusterer sees it: what is shown of it, and what is compared.

    `published_at` is resolved (never missing, never ahead of the record it came in). `digest` identifies the content, so
    that a repeat is told from a correction. `shingles` are the 32-bit hashes of the word 3-grams of title and lead,
    ascending, little-endian. `vector` is the unit-length embedding in IEEE half precision, little-endian. `words` counts
    the prepared text. An article is only ever compared with articles of the same `model` and `preparation`.
    """

    article_id: ArticleId
    edition: Edition
    title: str
    published_at: Timestamp
    digest: str
    words: int
    shingles: bytes
    vector: bytes
    model: str
    preparation: str
    url: Url | None = None
    outlet: Label | None = None
    language: str | None = None
    leaning: Leaning | None = None


class ArticleRetraction(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="retraction"):
    """An article its producer has withdrawn."""

    article_id: ArticleId
    edition: Edition


VectorEvent = ArticleVector | ArticleRetraction
