"""Prepare the text of an article for readers: its first sentences, its paragraphs, and the lines that are not part of it."""

from __future__ import annotations

import re
from typing import Final

from newsloom.contracts.article import Article
from services.embedder.markup import clean_lines
from services.embedder.preparation import clean_body

DEK_CHARACTERS_MAX: Final = 240
TEXT_CHARACTERS_MAX: Final = 40_000
"""Of longer texts, the page shows the beginning and the link."""
DEK_SOURCE_CHARACTERS: Final = 4_000
_SENTENCE: Final = re.compile(r".+?(?:[.!?…。！？।؟][\"”’'»)\]]*(?=\s|$)|$)", re.DOTALL)  # noqa: RUF001 - other scripts


def first_sentences(article: Article) -> str:
    """Return the first sentences of the text, without furniture: at most `DEK_CHARACTERS_MAX` characters, at least a part."""
    beginning = article.text[:DEK_SOURCE_CHARACTERS]
    lines = clean_body(beginning, titles=(article.title,), author=article.author, outlet=article.outlet)
    if not lines:
        return ""
    dek = ""
    for sentence in (found.group().strip() for found in _SENTENCE.finditer(lines[0])):
        longer = f"{dek} {sentence}".strip()
        if len(longer) > DEK_CHARACTERS_MAX:
            return dek or f"{longer[: DEK_CHARACTERS_MAX - 1].rsplit(' ', 1)[0]}…"
        dek = longer
    return dek


def split_text(article: Article) -> tuple[list[str], list[str]]:
    """Return the paragraphs of the article, and the lines that are repeated or not part of it, each in their order."""
    text = article.text[:TEXT_CHARACTERS_MAX]
    kept = clean_body(text, titles=(article.title,), author=article.author, outlet=article.outlet)
    unread = list(kept)
    left_out = []
    for line in clean_lines(text):
        if unread and line == unread[0]:
            unread.pop(0)
        else:
            left_out.append(line)
    return kept, left_out
