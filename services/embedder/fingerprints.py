"""Fingerprints of an article: a digest of its content, hashes of its word 3-grams (to find copies) and of its words (TF-IDF)."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from sys import byteorder
from typing import Final

from newsloom.contracts.article import Article
from newsloom.contracts.vector import HASHES_MAX
from services.embedder.preparation import PreparedText
from services.embedder.segmentation import words_of

SHINGLE_WORDS: Final = 3
TITLE_WEIGHT: Final = 2
COUNT_MAX: Final = 255
DIGEST_BYTES: Final = 16
_HASH_BYTES: Final = 4


def shingle_hashes(text: PreparedText) -> bytes:
    """Return 32-bit hashes of the word 3-grams of title and lead: unique, ascending, little-endian, the `HASHES_MAX` smallest.

    Words are lower-cased and without punctuation. A text of one or two words gives one hash. The hash is BLAKE2b: Python's
    own hash differs in each process, and CRC-32 is linear, so similar inputs give related values and would bias MinHash.
    """
    words = list(words_of(f"{text.title} {text.lead}".lower()))
    return pack_hashes(sorted({hash_text(ngram) for ngram in _word_ngrams(words)})[:HASHES_MAX])


def term_hashes(text: PreparedText) -> tuple[bytes, bytes]:
    """Return the 32-bit hashes of the words of title and body, in the form of `shingle_hashes`, and the count of each word.

    Words are lower-cased. A word of the title counts `TITLE_WEIGHT` times, because a title sums up the body in a few words.
    There is no list of stop words: document frequencies give little weight to words that are frequent in a stream, in any
    language. A count is one byte and at most 255.
    """
    counts = Counter(words_of(text.body.lower()))
    for word in words_of(text.title.lower()):
        counts[word] += TITLE_WEIGHT
    by_hash: Counter[int] = Counter()
    for word, count in counts.items():
        by_hash[hash_text(word)] += count
    hashes = sorted(by_hash)[:HASHES_MAX]
    return pack_hashes(hashes), bytes(min(by_hash[value], COUNT_MAX) for value in hashes)


def pack_hashes(hashes: list[int]) -> bytes:
    """Encode 32-bit hashes as little-endian bytes."""
    packed = array("I", hashes)
    if byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _word_ngrams(words: list[str]) -> Iterator[str]:
    if not words:
        return
    for start in range(max(1, len(words) - SHINGLE_WORDS + 1)):
        yield " ".join(words[start : start + SHINGLE_WORDS])


def hash_text(text: str) -> int:
    """Return a 32-bit hash (BLAKE2b)."""
    return int.from_bytes(blake2b(text.encode(), digest_size=_HASH_BYTES).digest(), "little")


def content_digest(article: Article) -> str:
    """Return the BLAKE2b-128 digest, in hex, of all fields but `id` and `edition`, however the JSON was written."""
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
    hasher = blake2b(digest_size=DIGEST_BYTES)
    for field in content:
        # Prefix each field with its length, so that no text can imitate the border between two fields.
        data = b"" if field is None else field.encode()
        hasher.update(b"-" if field is None else b"%d:" % len(data))
        hasher.update(data)
    return hasher.hexdigest()
