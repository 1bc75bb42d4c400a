"""Counts of stems by bucket: how many reports have them, and how many write them capitalized or in lower case."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from newsloom.contracts.vector import StemMark
from services.clusterer.core.hashes import Hashes

BUCKET_SHIFT: Final = 14
"""Buckets are the 18 highest bits of a hash, so that the buckets of ascending stems ascend."""
BUCKETS: Final = 1 << 32 - BUCKET_SHIFT
_SHIFT: Final = np.uint32(BUCKET_SHIFT)
_CAPITALIZED: Final = int(StemMark.CAPITALIZED)
_LOWER: Final = int(StemMark.LOWER)
_COLUMNS: Final = ("_reports", "_capitalized", "_lower")
SPARSE_MAX: Final = 2**12
"""From here on, an array over all buckets; until then a change copies the buckets in use."""

Counts = npt.NDArray[np.int32]
Marks = npt.NDArray[np.uint8]


class StemCounts:
    """The counts of all buckets, 0 at first. Stems in one bucket share their counts."""

    def __init__(self) -> None:
        self._used: Hashes | None = np.zeros(0, dtype=np.uint32)
        """The buckets in use, ascending; None once the counts are arrays of all."""
        self._reports = np.zeros(0, dtype=np.int32)
        self._capitalized = np.zeros(0, dtype=np.int32)
        self._lower = np.zeros(0, dtype=np.int32)

    def add(self, stems: Hashes, marks: Marks, by: int) -> None:
        """Count a report, or undo that. It counts once in a bucket that two of its stems share."""
        buckets = stems >> _SHIFT
        rows = buckets if self._used is None else self._rows(self._used, buckets)
        # NumPy adds only once for equal indices.
        self._reports[rows] += by
        self._capitalized[rows[(marks & _CAPITALIZED) > 0]] += by
        self._lower[rows[(marks & _LOWER) > 0]] += by

    def reports(self, stems: Hashes) -> Counts:
        """Return how many reports have each of these stems."""
        return self._take(self._reports, stems)

    def written(self, stems: Hashes) -> tuple[Counts, Counts]:
        """Return how many reports write each of these stems capitalized, and how many in lower case."""
        return self._take(self._capitalized, stems), self._take(self._lower, stems)

    def _take(self, counts: Counts, stems: Hashes) -> Counts:
        buckets = stems >> _SHIFT
        if self._used is None:
            return counts.take(buckets)
        if not self._used.size:
            return np.zeros(stems.size, dtype=np.int32)
        rows = np.searchsorted(self._used, buckets)
        is_used = self._used.take(rows, mode="clip") == buckets
        return np.where(is_used, counts.take(rows, mode="clip"), 0)

    def _rows(self, used: Hashes, buckets: Hashes) -> Hashes | npt.NDArray[np.intp]:
        """Return the row of each bucket, after rows for those that are new."""
        missing = np.setdiff1d(buckets, used)
        if missing.size:
            rows = np.searchsorted(used, missing)
            used = np.insert(used, rows, missing)
            for name in _COLUMNS:
                setattr(self, name, np.insert(getattr(self, name), rows, 0))
        if used.size <= SPARSE_MAX:
            self._used = used
            return np.searchsorted(used, buckets)
        for name in _COLUMNS:
            every = np.zeros(BUCKETS, dtype=np.int32)
            every[used] = getattr(self, name)
            setattr(self, name, every)
        self._used = None
        return buckets
