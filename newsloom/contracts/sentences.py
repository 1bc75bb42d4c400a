"""The sentences of articles that can stand alone, which the embedder writes to `article-sentences`."""

from __future__ import annotations

from typing import Annotated

import msgspec

from newsloom.contracts.article import ArticleId, Edition
from newsloom.contracts.vector import Digest, Language

SENTENCES_MAX = 60
SENTENCE_CHARACTERS_MAX = 600
SENTENCES_BYTES_MAX = 49_152
"""Size as JSON of the sentences of an article. Those that occur last are left out."""

Offset = Annotated[int, msgspec.Meta(ge=0)]
SentenceText = Annotated[str, msgspec.Meta(min_length=1, max_length=SENTENCE_CHARACTERS_MAX)]
Rules = Annotated[str, msgspec.Meta(max_length=64)]


class Sentence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One sentence. `text` is `article.text[offset : offset + len(text)]`, counted in Unicode code points."""

    text: SentenceText
    offset: Offset


class ArticleSentences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The sentences of an article that can be read without the ones around them, in the order of the article.

    `digest` is the digest of the content that `ArticleVector` and `Membership` have, too: it tells to which correction of the
    article the sentences belong. `rules` names the version of the rules that chose the sentences; it is missing if there are no
    rules for the article's language, and then there are no sentences.
    """

    article_id: ArticleId
    edition: Edition
    digest: Digest
    sentences: Annotated[tuple[Sentence, ...], msgspec.Meta(max_length=SENTENCES_MAX)]
    rules: Rules | None = None
    language: Language | None = None
