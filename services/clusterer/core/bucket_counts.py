"""Counts by bucket, in memory that follows the number of buckets in use."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from services.clusterer.core.hashes import Hashes

SPARSE_MAX: Final = 2**12
"""From here on, an array over all buckets: until then a change copies the buckets in use, as `stem_counts` does."""

Counts = npt.NDArray[np.int32]


class BucketCounts:
    """The counts of `size` buckets, all 0 at first: the buckets in use and their counts, or an array of all if many are."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used: Hashes | None = np.zeros(0, dtype=np.uint32)
        """The buckets that are not 0, ascending; None once the counts are an array of all."""
        self._counts: Counts = np.zeros(0, dtype=np.int32)

    def add(self, buckets: Hashes, by: int) -> None:
        """Add to the counts of these buckets, once to one that is given twice."""
        if self._used is None:
            self._counts[buckets] += by
            return
        buckets = np.unique(buckets)
        position, is_used = self._find(self._used, buckets)
        self._counts[position[is_used]] += by
        new = ~is_used
        self._counts = np.insert(self._counts, position[new], np.int32(by))
        self._used = np.insert(self._used, position[new], buckets[new])
        if by < 0:
            kept = self._counts != 0
            self._used, self._counts = self._used[kept], self._counts[kept]
        if self._used.size > SPARSE_MAX:
            every = np.zeros(self._size, dtype=np.int32)
            every[self._used] = self._counts
            self._used, self._counts = None, every

    def clear(self) -> None:
        """Set every count to 0."""
        self._used, self._counts = np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.int32)

    def take(self, buckets: Hashes) -> Counts:
        """Return the counts of these buckets, in their order."""
        if self._used is None:
            return self._counts.take(buckets)
        position, is_used = self._find(self._used, buckets)
        found = np.zeros(buckets.size, dtype=np.int32)
        found[is_used] = self._counts[position[is_used]]
        return found

    @staticmethod
    def _find(used: Hashes, buckets: Hashes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Return where each bucket is among the used ones, or would be, and whether it is there."""
        position = np.searchsorted(used, buckets)
        is_used = np.zeros(buckets.size, dtype=np.bool_)
        inside = position < used.size
        is_used[inside] = used[position[inside]] == buckets[inside]
        return position, is_used
