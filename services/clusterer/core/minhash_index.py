"""Find the reports whose text is nearly that of an article.

MinHash with banding finds candidates (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3);
the exact Jaccard index of the word 3-grams decides.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import msgspec
import numpy as np

from services.clusterer.core.hashes import Hashes, contains

BANDS: Final = 32
ROWS: Final = 3
"""32 bands of 3 rows propose a pair of Jaccard .5 with probability 1 - (1 - .5**3)**32 = .986, one of .7 with 1 - 1e-6."""

Bands = tuple[bytes, ...]
"""The MinHash signature of a text, cut into bands. Two texts with many common shingles very likely share a band."""


def _coefficients(label: str) -> Hashes:
    # Derive them from a hash, which never changes; the stream of a random generator may change with the library.
    digests = (hashlib.blake2b(f"{label}{i}".encode(), digest_size=4).digest() for i in range(BANDS * ROWS))
    return np.array([int.from_bytes(digest, "little") | 1 for digest in digests], dtype=np.uint32)


_FACTORS: Final = _coefficients("factor")
_OFFSETS: Final = _coefficients("offset")
_BAND_CODES: Final = struct.Struct(f"{4 * ROWS}s" * BANDS)


def jaccard(a: Hashes, b: Hashes) -> float:
    """Return the Jaccard index of two sets of shingles."""
    common = int(np.count_nonzero(contains(b, a)))
    union = a.size + b.size - common
    return common / union if union else 0.0


class _Text(msgspec.Struct, frozen=True, gc=False):
    """The shingles and bands of a report."""

    shingles: Hashes
    bands: Bands


class _BandReports(msgspec.Struct, frozen=True, gc=False):
    """The reports that share a band; nearly always a single one."""

    article_ids: tuple[str, ...]


class MinHashIndex:
    """The reports of open stories by the bands of their texts.

    The values of the dictionaries are structs with `gc=False`, because the garbage collector scans a dictionary if it has to
    scan any of its values, and there are 32 entries per report. A report that shares no band needs only one such struct.
    """

    def __init__(self, *, jaccard_min: float, shingles_min: int) -> None:
        self._jaccard_min = jaccard_min
        self._shingles_min = shingles_min
        self._buckets: tuple[dict[bytes, _BandReports], ...] = tuple({} for _ in range(BANDS))
        self._reports: dict[str, _Text] = {}

    def bands(self, shingles: Hashes) -> Bands:
        """Return the bands of a text; none if it is empty."""
        return _bands(shingles) if shingles.size else ()

    def add(self, article_id: str, shingles: Hashes, bands: Bands) -> None:
        """Add a report. One without bands is not added."""
        if not bands:
            return
        self._reports[article_id] = _Text(shingles, bands)
        alone = _BandReports((article_id,))
        for bucket, band in zip(self._buckets, bands, strict=True):
            others = bucket.setdefault(band, alone)
            if others is not alone:
                bucket[band] = _BandReports((*others.article_ids, article_id))

    def remove(self, article_id: str) -> None:
        """Remove a report, if it is there."""
        text = self._reports.pop(article_id, None)
        if text is None:
            return
        for bucket, band in zip(self._buckets, text.bands, strict=True):
            sharing = bucket.pop(band).article_ids
            if len(sharing) > 1:
                bucket[band] = _BandReports(tuple(other for other in sharing if other != article_id))

    def matches(self, shingles: Hashes, bands: Bands) -> list[tuple[float, str]]:
        """Return the reports with nearly this text, each with its Jaccard index, in no particular order."""
        found = (bucket[band] for bucket, band in zip(self._buckets, bands, strict=False) if band in bucket)
        proposed = {article_id for sharing in found for article_id in sharing.article_ids}
        scored = ((jaccard(shingles, self._reports[article_id].shingles), article_id) for article_id in proposed)
        # Short texts are alike by chance: only equal ones are the same.
        jaccard_min = self._jaccard_min if shingles.size >= self._shingles_min else 1.0
        return [(index, article_id) for index, article_id in scored if index >= jaccard_min]


def _bands(shingles: Hashes) -> Bands:
    # Linear permutations modulo 2**32 are close enough to random ones for the minimum (Broder et al. 1998, section 3).
    hashed = np.multiply.outer(_FACTORS, shingles)
    hashed += _OFFSETS[:, None]
    data = hashed.min(axis=1).astype("<u4", copy=False).tobytes()
    return _BAND_CODES.unpack(data)
