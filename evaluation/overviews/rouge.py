"""ROUGE (Lin 2004): the words, word pairs and longest common subsequence that a text shares with a reference.

Words are lower case and stemmed by Porter's algorithm, as ROUGE-1.5.5 does with -m.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import snowballstemmer

_WORD: Final = re.compile(r"[a-z0-9]+")
_STEMMER: Final = snowballstemmer.stemmer("porter")
_STEMMED_CHARACTERS_MIN: Final = 4


class Rouge(NamedTuple):
    """The F1 of each measure, from 0 to 1."""

    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815 - the measure's name


def rouge(text: str, reference: str) -> Rouge:
    """Return the agreement of a text with a reference."""
    found, wanted = _stems(text), _stems(reference)
    return Rouge(
        _f1(_overlap(found, wanted, 1), len(found), len(wanted)),
        _f1(_overlap(found, wanted, 2), len(found) - 1, len(wanted) - 1),
        _f1(_common_subsequence(found, wanted), len(found), len(wanted)),
    )


def _stems(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.lower())]


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word)) if len(word) >= _STEMMED_CHARACTERS_MIN else word


def _overlap(found: Sequence[str], wanted: Sequence[str], size: int) -> int:
    counts = [Counter(zip(*(words[start:] for start in range(size)), strict=False)) for words in (found, wanted)]
    return (counts[0] & counts[1]).total()


def _common_subsequence(found: Sequence[str], wanted: Sequence[str]) -> int:
    row = [0] * (len(wanted) + 1)
    for word in found:
        before = row
        row = [0]
        for index, other in enumerate(wanted):
            row.append(before[index] + 1 if word == other else max(before[index + 1], row[index]))
    return row[-1]


def _f1(shared: int, found: int, wanted: int) -> float:
    return 2 * shared / (found + wanted) if shared else 0.0
