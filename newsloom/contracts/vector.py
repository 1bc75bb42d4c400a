"""What the embedder writes to `article-vectors`."""

from __future__ import annotations

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Label, Leaning, Timestamp, Url
from newsloom.contracts.command import StoryCommand


class ArticleVector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="vector"):
    """An article as the clusterer sees it: what is shown of it, and what is compared.

    `published_at` is resolved (never missing, never ahead of the record it came in). `digest` identifies the content, so
    that a repeat is told from a correction. `words` counts the words of the prepared text, without the title.

    `shingles` are the 32-bit hashes of the word 3-grams of title and lead. `title_vector` and `lead_vector` are the
    unit-length embeddings of the title and of title and lead, in IEEE half precision; where one of the two texts is empty,
    both are the other's. `terms` are the 32-bit hashes of the words of title and text, and `term_counts` (8 bits each) say
    how often each occurs, the title counted twice. Hashes are unique and ascending; all numbers are little-endian. An
    article is only ever compared with articles of the same `model`; `preparation` is the version of the rules that made it.
    """

    article_id: ArticleId
    edition: Edition
    title: str
    published_at: Timestamp
    digest: str
    words: int
    shingles: bytes
    title_vector: bytes
    lead_vector: bytes
    terms: bytes
    term_counts: bytes
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


VectorEvent = ArticleVector | ArticleRetraction | StoryCommand
"""Everything the clusterer takes in, in one order. Commands are those of `story-commands`, passed on as they are."""
