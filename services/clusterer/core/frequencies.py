"""In how many articles of the window a term occurs."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from services.clusterer.core.hashes import Hashes

BUCKETS: Final = 2**18
"""Terms that share a bucket share a count; with 100,000 terms in a window, one in three does, nearly always a rare one."""
LOG_SCALE: Final = 2**10
WEIGHT_SHIFT: Final = 12
"""From two factors scaled by `LOG_SCALE` to a weight scaled by 2**8."""
INT16_MAX: Final = 32_767

_TF: Final = np.array([0, *(round(LOG_SCALE * (1 + float(np.log(count)))) for count in range(1, 256))], dtype=np.int64)
"""1 + ln(count), in fixed point: sublinear term frequency (Manning, Raghavan, Schütze 2008, 6.4.1)."""


class DocumentFrequencies:
    """Counts the reports of open stories. They follow from memberships, so that they are restored with them."""

    def __init__(self, *, idf_floor: float) -> None:
        self._idf_floor = idf_floor
        self._counts = np.zeros(BUCKETS, dtype=np.int32)
        self._documents = 0

    def add(self, terms: Hashes) -> None:
        """Count an article."""
        self._count(terms, 1)

    def remove(self, terms: Hashes) -> None:
        """Count an article no more."""
        self._count(terms, -1)

    def weights(self, terms: Hashes, counts: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
        """The TF-IDF weights of an article's terms, scaled by 2**8; the article itself is counted in.

        Logarithms are rounded to whole numbers at once, so that the last bit of a library's `log` decides nothing.
        """
        ratio = (self._documents + 2) / (self._counts.take(_buckets(terms)) + 2.0)
        idf = np.rint(LOG_SCALE * (np.log(ratio) + self._idf_floor)).astype(np.int64)
        weights = _TF.take(counts) * idf >> WEIGHT_SHIFT
        clipped: npt.NDArray[np.int16] = np.minimum(np.maximum(weights, 0), INT16_MAX).astype(np.int16)
        return clipped

    def _count(self, terms: Hashes, by: int) -> None:
        self._documents += by
        # A document counts once in a bucket that two of its terms share: of equal indices, NumPy adds for one only.
        self._counts[_buckets(terms)] += by


def _buckets(terms: Hashes) -> Hashes:
    return terms & np.uint32(BUCKETS - 1)
