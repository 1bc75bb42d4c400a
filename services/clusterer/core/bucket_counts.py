"""Counts by bucket, in memory that follows the number of buckets in use."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from services.clusterer.core.hashes import Hashes

SPARSE_MAX: Final = 2**12
"""From here on, an array over all buckets. Until then a new bucket copies those in use."""

Counts = npt.NDArray[np.int32]
Rows = Hashes | npt.NDArray[np.intp]


class BucketCounts:
    """Counts of `size` buckets in one or more columns, 0 at first: of the buckets in use, or of all if many are in use."""

    def __init__(self, size: int, *, columns: int = 1) -> None:
        self._size = size
        self._used: Hashes | None = np.zeros(0, dtype=np.uint32)
        """The buckets in use, ascending; None once the columns have all buckets."""
        self._columns = [np.zeros(0, dtype=np.int32) for _ in range(columns)]

    def rows(self, buckets: Hashes) -> Rows:
        """Return the row of each bucket, for `add`; it holds until the next call."""
        if self._used is None:
            return buckets
        missing = np.setdiff1d(buckets, self._used)
        if missing.size:
            self._insert(self._used, missing)
        return buckets if self._used is None else np.searchsorted(self._used, buckets)

    def add(self, rows: Rows, by: int, *, column: int = 0) -> None:
        """Add to the counts in these rows, once to one that is given twice."""
        # NumPy adds only once for equal indices.
        self._columns[column][rows] += by

    def take(self, buckets: Hashes, *, column: int = 0) -> Counts:
        """Return the counts of these buckets, in their order."""
        counts = self._columns[column]
        if self._used is None:
            return counts.take(buckets)
        if not self._used.size:
            return np.zeros(buckets.size, dtype=np.int32)
        rows = np.searchsorted(self._used, buckets)
        is_used = self._used.take(rows, mode="clip") == buckets
        return np.where(is_used, counts.take(rows, mode="clip"), 0)

    def _insert(self, used: Hashes, missing: Hashes) -> None:
        rows = np.searchsorted(used, missing)
        used = np.insert(used, rows, missing)
        self._columns = [np.insert(counts, rows, 0) for counts in self._columns]
        self._used = used
        if used.size > SPARSE_MAX:
            self._columns = [self._over_all(used, counts) for counts in self._columns]
            self._used = None

    def _over_all(self, used: Hashes, counts: Counts) -> Counts:
        every = np.zeros(self._size, dtype=np.int32)
        every[used] = counts
        return every
