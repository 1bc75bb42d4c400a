"""Counts of stems by bucket: how many reports have them, and how many write them capitalized or in lower case."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from newsloom.contracts.vector import StemMark
from services.clusterer.core.bucket_counts import BucketCounts
from services.clusterer.core.hashes import Hashes, first_of_each

BUCKET_SHIFT: Final = 14
"""Buckets are the 18 highest bits of a hash, so that the buckets of ascending stems ascend."""
BUCKETS: Final = 1 << 32 - BUCKET_SHIFT
COUNT_BITS: Final = 21
"""Three counts are in one integer, so that one look-up finds them. An edition cannot keep 2**21 reports in memory."""
_SHIFT: Final = np.uint32(BUCKET_SHIFT)
_COUNT: Final = (1 << COUNT_BITS) - 1
_CAPITALIZED: Final = int(StemMark.CAPITALIZED)
_LOWER: Final = int(StemMark.LOWER)
_ADDED: Final = np.array(
    [1 | bool(marks & _CAPITALIZED) << COUNT_BITS | bool(marks & _LOWER) << 2 * COUNT_BITS for marks in range(256)]
)
"""What a report adds to the counts of a stem, by the stem's marks."""

Marks = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


class StemUse(NamedTuple):
    """How many reports have each of some stems, and how many write it capitalized or in lower case.

    The two latter counts include the report that is asked about, `reports` does not.
    """

    reports: Counts
    capitalized: Counts
    lower: Counts


class StemCounts:
    """The counts of stems, 0 at first. Stems in one bucket share their counts."""

    def __init__(self) -> None:
        self._counts = BucketCounts(BUCKETS, np.int64)

    def add(self, stems: Hashes, marks: Marks, by: int) -> None:
        """Count a report, or undo that. It counts once in a bucket that two of its stems share."""
        buckets = stems >> _SHIFT
        if np.count_nonzero(buckets[1:] == buckets[:-1]):
            starts = first_of_each(buckets).nonzero()[0]
            buckets, marks = buckets[starts], np.bitwise_or.reduceat(marks, starts)
        self._counts.add(buckets, by * _ADDED.take(marks))

    def reports(self, stems: Hashes) -> Counts:
        """Return how many reports have each of these stems."""
        found: Counts = self._counts.take(stems >> _SHIFT) & _COUNT
        return found

    def with_report(self, stems: Hashes, marks: Marks) -> StemUse:
        """Return how reports write each of these stems, with one more that has all of them, with these marks."""
        found = self._counts.take(stems >> _SHIFT) + _ADDED.take(marks)
        return StemUse((found & _COUNT) - 1, found >> COUNT_BITS & _COUNT, found >> 2 * COUNT_BITS)
