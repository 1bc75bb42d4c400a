"""The stems of an article: hashes of the beginnings of its words, and how and where the words are written.

They are the evidence by which the clusterer tells one event from another of its kind: names and numbers.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from newsloom.contracts.vector import STEMS_MAX, StemMark
from services.embedder.fingerprints import hash_text, pack_hashes
from services.embedder.preparation import PreparedText
from services.embedder.segmentation import WORD_CHARACTER, split_run

STEM_LETTERS: Final = 5
"""Inflected forms of a name mostly agree in their first five letters: Warszawa, Warszawie."""

_TOKEN: Final = re.compile(
    rf"(?P<number>\d+(?:[.,:/\u2013-]\d+)*)(?!\w)|(?P<word>\w{WORD_CHARACTER}*)|"
    r"(?P<stop>[.!?\u2026:;\u2022|\"\u201c\u201e\u3002\uff01\uff1f\u061f\u06d4\u0964]|\s[-\u2013\u2014]\s)"
)
_SEPARATORS: Final = str.maketrans({",": ".", "\u2013": "-"})


def stem_hashes(text: PreparedText) -> tuple[bytes, bytes]:
    """Return the 32-bit hashes of the stems of title and body, unique and ascending, and the marks of each stem, one byte.

    If there are more than `STEMS_MAX`, those that occur first are kept.
    """
    marks: dict[str, int] = {}
    is_sentence = _is_sentence_case(text.title)
    _mark(text.title, marks, StemMark.TITLE, keep_case=is_sentence)
    _mark(text.lead, marks, StemMark.LEAD, keep_case=True)
    _mark(text.body[len(text.lead) :], marks, StemMark(0), keep_case=True)
    by_hash: dict[int, int] = {}
    for stem, mark in marks.items():
        value = hash_text(stem)
        if value in by_hash or len(by_hash) < STEMS_MAX:
            by_hash[value] = by_hash.get(value, 0) | mark
    hashes = sorted(by_hash)
    return pack_hashes(hashes), bytes(by_hash[value] for value in hashes)


def _mark(text: str, marks: dict[str, int], place: StemMark, *, keep_case: bool) -> None:
    is_inside = False
    for match in _TOKEN.finditer(text):
        if match["stop"]:
            is_inside = False
        elif match["number"]:
            stem = _digits(match["number"].translate(_SEPARATORS))
            marks[stem] = marks.get(stem, 0) | place | StemMark.NUMBER
            is_inside = True
        else:
            for word in split_run(match["word"]):
                mark = place | (_case(word) if (keep_case and is_inside) or _is_uncased(word) else 0)
                stem = stem_of(word)
                marks[stem] = marks.get(stem, 0) | mark
            is_inside = True


def stem_of(word: str) -> str:
    """Return the first letters of a word in lower case and without accents."""
    lower = word.casefold()
    if not lower.isascii():
        lower = "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c)) or lower
    return lower[:STEM_LETTERS]


def _case(word: str) -> int:
    first = word[0]
    if first.isupper() or first.istitle():
        return StemMark.CAPITALIZED
    if first.islower():
        return StemMark.LOWER
    return StemMark.UNCASED if _is_uncased(word) else 0


def _is_uncased(word: str) -> bool:
    return word[0].isalpha() and word[0].lower() == word[0].upper()


def _digits(number: str) -> str:
    if number.isascii():
        return number
    return "".join(str(unicodedata.digit(c, 0)) if c.isdigit() else c for c in number)


def _is_sentence_case(title: str) -> bool:
    """Return whether most words after the first are in lower case: else capitals tell nothing about names."""
    words = [word for word in re.findall(r"\w+", title)[1:] if word[0].isalpha()]
    lower: int = sum(word[0].islower() for word in words)
    return 2 * lower >= len(words)
