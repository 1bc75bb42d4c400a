"""Prepare the text of a scraped article for comparison. Pure: the same article always gives the same text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from newsloom.contracts.article import Article
from services.embedder.clutter import is_author_bio, is_clutter
from services.embedder.markup import clean_lines
from services.embedder.segmentation import count_words
from services.embedder.titles import strip_outlet

LEAD_WORDS: Final = 120
BODY_WORDS: Final = 500
LEAD_CHARACTERS_MAX: Final = 2_400
"""For scripts without spaces between words, where 120 "words" may be a whole page."""
BODY_CHARACTERS_MAX: Final = 10_000

_SENTENCE_WORDS_MIN: Final = 5
_SENTENCE_END: Final = re.compile(r"[.!?…。！？।؟][\"”’'»)\]]*$")  # noqa: RUF001 - full stops of other scripts
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class PreparedText:
    """The prepared title, the first `LEAD_WORDS` and `BODY_WORDS` words of the text, and the number of words in the text."""

    title: str
    lead: str
    body: str
    words: int

    @property
    def passage(self) -> str:
        """Return title and lead joined: the text that is encoded."""
        if not (self.title and self.lead):
            return self.title or self.lead
        return f"{self.title} {self.lead}" if _SENTENCE_END.search(self.title) else f"{self.title}. {self.lead}"


def prepare(article: Article) -> PreparedText:
    """Return the title and text without markup, repeated lines, clutter and outlet names. Either may be empty."""
    whole_title = " ".join(clean_lines(article.title))
    title = strip_outlet(whole_title, outlet=article.outlet, url=article.url)
    lines = clean_body(article.text, titles=(title, whole_title), author=article.author, outlet=article.outlet)
    words = " ".join(lines).split()
    lead = " ".join(words[:LEAD_WORDS])[:LEAD_CHARACTERS_MAX].rstrip()
    body = " ".join(words[:BODY_WORDS])[:BODY_CHARACTERS_MAX].rstrip()
    return PreparedText(title=title, lead=lead, body=body, words=sum(map(count_words, words)))


def clean_body(text: str, *, titles: Iterable[str], author: str | None, outlet: str | None) -> list[str]:
    """Return the lines of the article without clutter and repeated lines. Cleaning them again changes nothing.

    If every line looks like clutter but one of them is a sentence, return them all: then the rules are wrong.
    """
    lines = list(_unique_lines(clean_lines(text), known=titles))
    kept = [line for line in lines if not is_clutter(line)]
    while kept and is_author_bio(kept[-1], author=author, outlet=outlet):
        kept.pop()
    if not kept and any(_is_sentence(line) for line in lines):
        return lines
    return kept


def _unique_lines(lines: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    seen = {_line_key(title) for title in known}
    # Drop lines without a word, such as rules and bullets.
    seen.add("")
    for line in lines:
        key = _line_key(line)
        if key not in seen:
            seen.add(key)
            yield line


def _line_key(line: str) -> str:
    return " ".join(_WORD.findall(line.casefold()))


def _is_sentence(line: str) -> bool:
    return len(line.split()) >= _SENTENCE_WORDS_MIN and bool(_SENTENCE_END.search(line))
