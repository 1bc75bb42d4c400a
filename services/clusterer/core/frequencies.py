"""Document frequencies: the number of reports of open stories that contain a term."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from services.clusterer.core.bucket_counts import BucketCounts
from services.clusterer.core.hashes import Hashes

BUCKETS: Final = 2**18
"""Terms in one bucket share a count. With 100,000 terms in a window, one in three shares its bucket, mostly with a rare term."""
LOG_SCALE: Final = 2**10
WEIGHT_SHIFT: Final = 12
"""Shift of the product of two factors scaled by `LOG_SCALE` that leaves a weight scaled by 2**8."""
INT16_MAX: Final = 32_767

_TF: Final = np.array([0, *(round(LOG_SCALE * (1 + float(np.log(count)))) for count in range(1, 256))], dtype=np.int64)
"""1 + ln(count), scaled by `LOG_SCALE`: sublinear term frequency (Manning, Raghavan, Schütze 2008, 6.4.1)."""


class DocumentFrequencies:
    """Counts in how many reports of open stories each term occurs. The counts follow from the memberships."""

    def __init__(self, *, idf_floor: float) -> None:
        self._idf_floor = idf_floor
        self._counts = BucketCounts(BUCKETS, np.int32)
        self.documents = 0
        """The number of articles counted: the reports of open stories."""

    def add(self, terms: Hashes) -> None:
        """Count the terms of an article."""
        self._count(terms, 1)

    def remove(self, terms: Hashes) -> None:
        """Undo `add` of these terms."""
        self._count(terms, -1)

    def weights(self, terms: Hashes, counts: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
        """Return the TF-IDF weights of an article's terms, scaled by 2**8, as if the article had been added.

        Logarithms are rounded to integers at once, so that the last bit of a library's `log` makes no difference.
        """
        ratio = (self.documents + 2) / (self._counts.take(_buckets(terms)) + 2.0)
        idf = np.rint(LOG_SCALE * (np.log(ratio) + self._idf_floor)).astype(np.int64)
        weights = _TF.take(counts) * idf >> WEIGHT_SHIFT
        clipped: npt.NDArray[np.int16] = np.minimum(np.maximum(weights, 0), INT16_MAX).astype(np.int16)
        return clipped

    def _count(self, terms: Hashes, by: int) -> None:
        self.documents += by
        # A document counts once in a bucket that two of its terms share.
        self._counts.add(_buckets(terms), by)
        if not self.documents:
            # Free the memory of an edition whose stories are all closed.
            self._counts = BucketCounts(BUCKETS, np.int32)


def _buckets(terms: Hashes) -> Hashes:
    return terms & np.uint32(BUCKETS - 1)
