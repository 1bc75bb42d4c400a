"""The vectors and retractions that the embedder writes to `article-vectors`."""

from __future__ import annotations

from enum import IntFlag
from typing import Annotated

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Label, Leaning, Timestamp, Url
from newsloom.contracts.command import StoryCommand

TITLE_CHARACTERS_MAX = 500
"""Longer titles are truncated. The vectors and hashes are those of the whole title."""
HASHES_MAX = 1_024
"""If a text has more distinct words or 3-grams, the smallest hashes are kept: the same choice in every text."""
STEMS_MAX = 1_024
"""If a text has more distinct stems, those that occur first are kept."""
VECTOR_BYTES_MAX = 8_192
"""4,096 dimensions. Up to 1,536 dimensions, every message stays under 64 KiB, whatever else it holds."""

Title = Annotated[str, msgspec.Meta(max_length=TITLE_CHARACTERS_MAX)]
Digest = Annotated[str, msgspec.Meta(max_length=64)]
Words = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Hashes = Annotated[bytes, msgspec.Meta(max_length=4 * HASHES_MAX)]
Counts = Annotated[bytes, msgspec.Meta(max_length=HASHES_MAX)]
Stems = Annotated[bytes, msgspec.Meta(max_length=4 * STEMS_MAX)]
StemMarks = Annotated[bytes, msgspec.Meta(max_length=STEMS_MAX)]
Float16s = Annotated[bytes, msgspec.Meta(max_length=VECTOR_BYTES_MAX)]
Language = Annotated[str, msgspec.Meta(max_length=35)]
Model = Annotated[str, msgspec.Meta(max_length=256)]
BackendName = Annotated[str, msgspec.Meta(max_length=64)]
Preparation = Annotated[str, msgspec.Meta(max_length=64)]
PREPARATION = "1"
"""The version of the rules that prepare a text, stamped on every vector. Raise it with any change after which vectors can no
longer be compared with earlier ones. The clusterer rejects vectors of another version than that of their edition, and begins an
edition only with this one."""
FIRST_PREPARATION = "1"
"""The preparation of an edition whose checkpoint does not name one."""


class StemMark(IntFlag):
    """How and where the words of a stem are written: capitalized or in lower case inside a sentence, not at its beginning.

    `UNCASED`: in a script without case, such as Arabic, Hindi or Chinese.
    """

    TITLE = 1
    LEAD = 2
    NUMBER = 4
    CAPITALIZED = 8
    LOWER = 16
    BOILERPLATE = 32
    UNCASED = 64


class ArticleVector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="vector"):
    """An article as the clusterer reads it: the fields that are published, and the features that are compared.

    `published_at` is never missing. If `dated` is false, the article has no date, or one later than the record's timestamp, and
    `published_at` is that timestamp. `digest` is a digest of the content: it tells a redelivered article from a correction.
    `words` is the number of words of the prepared text, without the title.

    `shingles` are the 32-bit hashes of the word 3-grams of title and lead. `title_vector` and `lead_vector` are the
    unit-length embeddings of the title and of title and lead, in IEEE half precision; if title or lead is empty, both are
    the embedding of the other. `terms` are the 32-bit hashes of the words of title and text; `term_counts` is one byte for
    each: how often the word occurs, with the title counted twice. Hashes are unique and ascending, all numbers little-endian.
    `model` and `preparation` (the version of the rules that prepared the text) made the vectors: within an edition, all are
    made with the same ones. `backend` is what ran the model; backends whose vectors agree may share an edition. It is empty
    in vectors of embedders that did not name it.
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
    dated: bool = True
    stems: Stems = b""
    stem_marks: StemMarks = b""
    backend: BackendName = ""


class ArticleRetraction(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="retraction"):
    """An article that its producer has retracted."""

    article_id: ArticleId
    edition: Edition


VectorEvent = ArticleVector | ArticleRetraction | StoryCommand
"""All that the clusterer reads, in one order. The embedder forwards the commands of `story-commands` unchanged."""
