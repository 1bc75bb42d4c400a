"""Counts of stems by bucket: how many reports have them, and how many write them capitalized or in lower case."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from newsloom.contracts.vector import StemMark
from services.clusterer.core.bucket_counts import BucketCounts, Counts
from services.clusterer.core.hashes import Hashes

BUCKET_SHIFT: Final = 14
"""Buckets are the 18 highest bits of a hash, so that the buckets of ascending stems ascend."""
BUCKETS: Final = 1 << 32 - BUCKET_SHIFT
_SHIFT: Final = np.uint32(BUCKET_SHIFT)
_CAPITALIZED: Final = int(StemMark.CAPITALIZED)
_LOWER: Final = int(StemMark.LOWER)
_COUNTED, _CAPITALS, _LOWERS = range(3)
"""Columns: reports, and those that write the stem capitalized or in lower case."""

Marks = npt.NDArray[np.uint8]


class StemCounts:
    """The counts of stems, 0 at first. Stems in one bucket share their counts."""

    def __init__(self) -> None:
        self._counts = BucketCounts(BUCKETS, columns=3)

    def add(self, stems: Hashes, marks: Marks, by: int) -> None:
        """Count a report, or undo that. It counts once in a bucket that two of its stems share."""
        rows = self._counts.rows(stems >> _SHIFT)
        self._counts.add(rows, by, column=_COUNTED)
        self._counts.add(rows[(marks & _CAPITALIZED) > 0], by, column=_CAPITALS)
        self._counts.add(rows[(marks & _LOWER) > 0], by, column=_LOWERS)

    def reports(self, stems: Hashes) -> Counts:
        """Return how many reports have each of these stems."""
        return self._counts.take(stems >> _SHIFT, column=_COUNTED)

    def written(self, stems: Hashes) -> tuple[Counts, Counts]:
        """Return how many reports write each of these stems capitalized, and how many in lower case."""
        buckets = stems >> _SHIFT
        return self._counts.take(buckets, column=_CAPITALS), self._counts.take(buckets, column=_LOWERS)
