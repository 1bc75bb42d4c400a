"""From a scraped page to the text that is compared. Pure: the same article always gives the same text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from newsloom.contracts.article import Article
from services.embedder.furniture import is_author_blurb, is_furniture
from services.embedder.markup import clean_lines
from services.embedder.titles import without_outlet

PREPARATION: Final = "1"
"""Stamped on every vector. Raise it with any change that can alter a prepared text: old and new must not be compared."""

LEAD_WORDS: Final = 120
BODY_WORDS: Final = 500
LEAD_CHARACTERS_MAX: Final = 2_400
"""For scripts that put no spaces between words, where 120 "words" may be a whole page."""
BODY_CHARACTERS_MAX: Final = 10_000

_SENTENCE_WORDS_MIN: Final = 5
_SENTENCE_END: Final = re.compile(r"[.!?…。！？।؟][\"”’'»)\]]*$")  # noqa: RUF001 - sentences end in other scripts, too
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class PreparedText:
    """What is compared of an article: its title, `LEAD_WORDS` and `BODY_WORDS` words of its text, and how many it has."""

    title: str
    lead: str
    body: str
    words: int

    @property
    def passage(self) -> str:
        """Title and lead as the one text that is encoded."""
        if not (self.title and self.lead):
            return self.title or self.lead
        return f"{self.title} {self.lead}" if _SENTENCE_END.search(self.title) else f"{self.title}. {self.lead}"


def prepare(article: Article) -> PreparedText:
    """The article's title and text without markup, repeats, furniture and outlet names; either may come out empty."""
    whole_title = " ".join(clean_lines(article.title))
    title = without_outlet(whole_title, outlet=article.outlet, url=article.url)
    lines = clean_body(article.text, titles=(title, whole_title), author=article.author, outlet=article.outlet)
    words = " ".join(lines).split()
    lead = " ".join(words[:LEAD_WORDS])[:LEAD_CHARACTERS_MAX].rstrip()
    body = " ".join(words[:BODY_WORDS])[:BODY_CHARACTERS_MAX].rstrip()
    return PreparedText(title=title, lead=lead, body=body, words=len(words))


def clean_body(text: str, *, titles: Iterable[str], author: str | None, outlet: str | None) -> list[str]:
    """The paragraphs that are the article's own, each once. Cleaning them again changes nothing.

    A text that has a sentence keeps one: where everything looks like furniture, the rules are wrong, not the text.
    """
    lines = list(_without_repeats(clean_lines(text), known=titles))
    kept = [line for line in lines if not is_furniture(line)]
    while kept and is_author_blurb(kept[-1], author=author, outlet=outlet):
        kept.pop()
    if not kept and any(_is_sentence(line) for line in lines):
        return lines
    return kept


def _without_repeats(lines: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    seen = {_key(title) for title in known}
    # A line without a word is a rule or a bullet.
    seen.add("")
    for line in lines:
        key = _key(line)
        if key not in seen:
            seen.add(key)
            yield line


def _key(line: str) -> str:
    return " ".join(_WORD.findall(line.casefold()))


def _is_sentence(line: str) -> bool:
    return len(line.split()) >= _SENTENCE_WORDS_MIN and bool(_SENTENCE_END.search(line))
