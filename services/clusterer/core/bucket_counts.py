"""Counts by bucket, in memory that follows the number of buckets in use."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.clusterer.core.hashes import Hashes, contains, first_of_each

SPARSE_MAX: Final = 2**12
"""From here on, an array over all buckets. Until then a new bucket copies those in use."""

Counts = npt.NDArray[Any]
"""Integers of the type that the counts were made with."""


class BucketCounts:
    """A count for each of `size` buckets, 0 at first: of the buckets in use, or of all if many are in use."""

    def __init__(self, size: int, dtype: npt.DTypeLike) -> None:
        self._size = size
        self._used: Hashes | None = np.zeros(0, dtype=np.uint32)
        """The buckets in use, ascending; None once `_counts` has all buckets."""
        self._counts: Counts = np.zeros(0, dtype=dtype)

    def add(self, buckets: Hashes, values: int | Counts) -> None:
        """Add one value to all of these buckets, or a value to each. A bucket that is given twice gets the last value only."""
        if self._used is not None:
            self._use(self._used, buckets)
        rows = buckets if self._used is None else self._used.searchsorted(buckets)
        # NumPy adds only once for equal indices.
        self._counts[rows] += values

    def take(self, buckets: Hashes) -> Counts:
        """Return the counts of these buckets, in their order."""
        if self._used is None:
            return self._counts.take(buckets)
        if not self._used.size:
            return np.zeros(buckets.size, dtype=self._counts.dtype)
        rows = self._used.searchsorted(buckets)
        is_used = self._used.take(rows, mode="clip") == buckets
        counts: Counts = self._counts.take(rows, mode="clip") * is_used
        return counts

    def _use(self, used: Hashes, buckets: Hashes) -> None:
        """Make room for the buckets that are not in use."""
        missing = np.sort(buckets[~contains(used, buckets)])
        if not missing.size:
            return
        missing = missing[first_of_each(missing)]
        rows = used.searchsorted(missing)
        self._used = np.insert(used, rows, missing)
        self._counts = np.insert(self._counts, rows, 0)
        if self._used.size > SPARSE_MAX:
            every = np.zeros(self._size, dtype=self._counts.dtype)
            every[self._used] = self._counts
            self._used, self._counts = None, every
