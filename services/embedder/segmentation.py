"""Split text into words, in scripts with and without spaces between words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final


def _combining_marks() -> str:
    """Return the marks that belong to the letter before them, such as vowel signs of Hindi and Thai; no word character is one."""
    return "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in {"Mn", "Mc"})


WORD_CHARACTER: Final = rf"[\w{_combining_marks()}]"
_WORD: Final = re.compile(rf"{WORD_CHARACTER}+")
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
"""Runs of Thai, Lao, Burmese, Khmer, Japanese and Chinese characters."""


def words_of(text: str) -> Iterator[str]:
    """Yield the words in order, as written. A run of a script without spaces is cut into its overlapping pairs of characters.

    Pairs of characters stand for words in retrieval of Chinese, Japanese and Thai (Manning, Raghavan, Schütze 2008, 2.2.1).
    """
    for match in _WORD.finditer(text):
        yield from split_run(match[0])


def split_run(word: str) -> Iterator[str]:
    """Yield a word, or the pairs of characters of its parts that are written without spaces."""
    if word.isascii():
        yield word
        return
    end = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > end:
            yield word[end : run.start()]
        characters = run[0]
        yield from (characters[start : start + 2] for start in range(max(1, len(characters) - 1)))
        end = run.end()
    if end < len(word):
        yield word[end:]


def count_words(token: str) -> int:
    """Return 1 for a token between spaces, or half the number of its characters of scripts without spaces."""
    if token.isascii():
        return 1
    return max(1, sum(len(run[0]) for run in _UNSPACED.finditer(token)) // 2)
