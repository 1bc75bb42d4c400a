"""What the embedder writes to `article-vectors`."""

from __future__ import annotations

from typing import Annotated

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Label, Leaning, Timestamp, Url
from newsloom.contracts.command import StoryCommand

TITLE_CHARACTERS_MAX = 500
"""Longer titles are cut, as they are published; what is compared is the whole."""
HASHES_MAX = 1_024
"""Of a text with more different words or 3-grams the smallest hashes are kept: the same ones in every text that has them."""
VECTOR_BYTES_MAX = 8_192
"""4,096 dimensions. Up to 1,536 of them, every message stays under 64 KiB whatever else it holds."""

Title = Annotated[str, msgspec.Meta(max_length=TITLE_CHARACTERS_MAX)]
Digest = Annotated[str, msgspec.Meta(max_length=64)]
Words = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Hashes = Annotated[bytes, msgspec.Meta(max_length=4 * HASHES_MAX)]
Counts = Annotated[bytes, msgspec.Meta(max_length=HASHES_MAX)]
Float16s = Annotated[bytes, msgspec.Meta(max_length=VECTOR_BYTES_MAX)]
Language = Annotated[str, msgspec.Meta(max_length=35)]
Model = Annotated[str, msgspec.Meta(max_length=256)]
Preparation = Annotated[str, msgspec.Meta(max_length=64)]


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
    title: Title
    published_at: Timestamp
    digest: Digest
    words: Words
    shingles: Hashes
    title_vector: Float16s
    lead_vector: Float16s
    terms: Hashes
    term_counts: Counts
    model: Model
    preparation: Preparation
    url: Url | None = None
    outlet: Label | None = None
    language: Language | None = None
    leaning: Leaning | None = None


class ArticleRetraction(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="retraction"):
    """An article its producer has withdrawn."""

    article_id: ArticleId
    edition: Edition


VectorEvent = ArticleVector | ArticleRetraction | StoryCommand
"""Everything the clusterer takes in, in one order. Commands are those of `story-commands`, passed on as they are."""
