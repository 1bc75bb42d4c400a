"""Finding the article whose text another one repeats.

MinHash with banding finds candidates (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3);
the exact Jaccard index of the word 3-grams decides.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

from services.clusterer.core.hashes import Hashes

BANDS: Final = 32
ROWS: Final = 3
"""32 bands of 3 rows propose a pair of Jaccard .5 with probability 1 - (1 - .5**3)**32 = .986, one of .7 with 1 - 1e-6."""

_PRIME: Final = np.uint64(4_294_967_311)  # the smallest prime above 2**32


def _coefficients(label: str) -> npt.NDArray[np.uint64]:
    # Fixed for good: drawn from a hash instead of a generator, whose stream may change with the library. Below 2**31, so
    # that coefficient x shingle + coefficient stays within 64 bits.
    digests = (hashlib.blake2b(f"{label}{i}".encode(), digest_size=4).digest() for i in range(BANDS * ROWS))
    return np.array([int.from_bytes(digest, "little") >> 1 | 1 for digest in digests], dtype=np.uint64)


_FACTORS: Final = _coefficients("factor")
_OFFSETS: Final = _coefficients("offset")


def jaccard(a: Hashes, b: Hashes) -> float:
    """The share of the shingles of both that both have."""
    common = np.intersect1d(a, b, assume_unique=True).size
    union = a.size + b.size - common
    return common / union if union else 0.0


class CopyIndex:
    """The reports a new article may be a copy of."""

    def __init__(self, *, jaccard_min: float, shingles_min: int) -> None:
        self._jaccard_min = jaccard_min
        self._shingles_min = shingles_min
        self._buckets: dict[bytes, dict[str, None]] = {}
        self._shingles: dict[str, Hashes] = {}

    def add(self, article_id: str, shingles: Hashes) -> None:
        """Take a report in."""
        if shingles.size < self._shingles_min:
            return
        self._shingles[article_id] = shingles
        for bucket in _bands(shingles):
            self._buckets.setdefault(bucket, {})[article_id] = None

    def remove(self, article_id: str) -> None:
        """Forget a report; one that is not there is none."""
        shingles = self._shingles.pop(article_id, None)
        if shingles is None:
            return
        for bucket in _bands(shingles):
            members = self._buckets[bucket]
            del members[article_id]
            if not members:
                del self._buckets[bucket]

    def originals(self, shingles: Hashes) -> list[tuple[float, str]]:
        """The reports this text repeats, with their Jaccard index, in no particular order."""
        if shingles.size < self._shingles_min:
            return []
        proposed = {article_id for bucket in _bands(shingles) for article_id in self._buckets.get(bucket, ())}
        scored = ((jaccard(shingles, self._shingles[article_id]), article_id) for article_id in proposed)
        return [(index, article_id) for index, article_id in scored if index >= self._jaccard_min]


def _bands(shingles: Hashes) -> list[bytes]:
    wide = shingles.astype(np.uint64)[:, None]
    minima = ((wide * _FACTORS + _OFFSETS) % _PRIME).min(axis=0).astype("<u8").reshape(BANDS, ROWS)
    return [bytes([band]) + row.tobytes() for band, row in enumerate(minima)]
