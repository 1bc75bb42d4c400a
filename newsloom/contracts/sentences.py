"""The sentences of an article that a digest may quote."""

from __future__ import annotations

from typing import Annotated

import msgspec

SENTENCE_CHARACTERS_MAX = 600

Offset = Annotated[int, msgspec.Meta(ge=0)]
SentenceText = Annotated[str, msgspec.Meta(min_length=1, max_length=SENTENCE_CHARACTERS_MAX)]


class Sentence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One sentence. `text` is `article.text[offset : offset + len(text)]`, counted in Unicode code points."""

    text: SentenceText
    offset: Offset
