"""What is compared besides vectors: content (digest), word order (shingles: copies), words (terms: names, numbers, places)."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from sys import byteorder
from typing import Final

from newsloom.contracts.article import Article
from newsloom.contracts.vector import HASHES_MAX
from services.embedder.preparation import PreparedText

SHINGLE_WORDS: Final = 3
TITLE_WEIGHT: Final = 2
COUNT_MAX: Final = 255
DIGEST_BYTES: Final = 16
_HASH_BYTES: Final = 4
_WORD: Final = re.compile(r"\w+")


def shingles(text: PreparedText) -> bytes:
    """32-bit hashes of the word 3-grams of title and lead: unique, ascending, little-endian, the `HASHES_MAX` smallest.

    Lower-cased and without punctuation; a text of one or two words gives one shingle. BLAKE2b, because Python's own hash
    differs in each process and CRC-32 is linear: alike inputs give related values, which MinHash would take for structure.
    """
    words = _WORD.findall(f"{text.title} {text.lead}".lower())
    return _hash_bytes(sorted({_hash(gram) for gram in _grams(words)})[:HASHES_MAX])


def terms(text: PreparedText) -> tuple[bytes, bytes]:
    """The 32-bit hashes of the words of title and body, as those of shingles, and how often each occurs.

    Lower-cased; the title counts `TITLE_WEIGHT` times, because it says in a few words what the body says in hundreds. No
    list of stop words: what is frequent in every article of a stream gets little weight from document frequencies, in
    any language. Counts have 8 bits and stop at 255.
    """
    counts = Counter(_WORD.findall(text.body.lower()))
    for word in _WORD.findall(text.title.lower()):
        counts[word] += TITLE_WEIGHT
    by_hash: Counter[int] = Counter()
    for word, count in counts.items():
        by_hash[_hash(word)] += count
    hashes = sorted(by_hash)[:HASHES_MAX]
    return _hash_bytes(hashes), bytes(min(by_hash[value], COUNT_MAX) for value in hashes)


def _hash_bytes(hashes: list[int]) -> bytes:
    packed = array("I", hashes)
    if byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _grams(words: list[str]) -> Iterator[str]:
    if not words:
        return
    for start in range(max(1, len(words) - SHINGLE_WORDS + 1)):
        yield " ".join(words[start : start + SHINGLE_WORDS])


def _hash(gram: str) -> int:
    return int.from_bytes(blake2b(gram.encode(), digest_size=_HASH_BYTES).digest(), "little")


def digest(article: Article) -> str:
    """BLAKE2b-128 of the article's content, in hex: the same however the JSON was written, without the id and the edition."""
    content = (
        article.title,
        article.text,
        article.published_at.isoformat() if article.published_at else None,
        article.url,
        article.outlet,
        article.author,
        article.language,
        article.leaning.value if article.leaning else None,
    )
    state = blake2b(digest_size=DIGEST_BYTES)
    for field in content:
        # Each with its length before it, so that no text can pass for the border between two fields.
        data = b"" if field is None else field.encode()
        state.update(b"-" if field is None else b"%d:" % len(data))
        state.update(data)
    return state.hexdigest()
