"""In how many documents the words of a language occur."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import snowballstemmer
from numpy.typing import NDArray

_WORD: Final = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_STEMMER: Final = snowballstemmer.stemmer("english")
_FUNCTION_WORDS: Final = frozenset(
    _WORD.findall(
        "a about above after again against all also am an and any are as at be because been before being below between"
        " both but by can could did do does doing down during each few for from further had has have having he her here"
        " hers him his how i if in into is it its just may me might more most must my no nor not now of off on once one"
        " only or other our out over own s said same say says she should so some such t than that the their them then"
        " there these they this those through to told too two under until up us very was we were what when where which"
        " while who whom why will with would you your mr mrs ms according"
    )
)


def content_words(text: str) -> Iterator[str]:
    """Yield the stems of the words that carry meaning, and numbers as written without separators."""
    for match in _WORD.finditer(text.casefold().replace("\u2019", "'").replace("'s ", " ")):
        word = match[0]
        if word not in _FUNCTION_WORDS:
            yield _stem(word)


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    return word.replace(",", "") if word[0].isdigit() else str(_STEMMER.stemWord(word))


def word_hash(stem: str) -> int:
    """Return the 32-bit hash by which a stem is kept."""
    return zlib.crc32(stem.encode())


@dataclass(frozen=True)
class DocumentFrequencies:
    """How many of `documents` have each stem. `hashes` are ascending, of type uint32; `counts` belong to them."""

    documents: int
    hashes: NDArray[np.uint32]
    counts: NDArray[np.uint32]

    @cached_property
    def _by_hash(self) -> dict[int, int]:
        return dict(zip(self.hashes.tolist(), self.counts.tolist(), strict=True))

    def inverse(self, stem: str) -> float:
        """Return the inverse document frequency ln((1 + N) / (1 + n)) + 1; a stem that is not in the table has n = 0."""
        return math.log((1 + self.documents) / (1 + self._by_hash.get(word_hash(stem), 0))) + 1.0
