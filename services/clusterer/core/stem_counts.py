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
SPARSE_MAX: Final = 2**12
"""From here on, an array over all buckets; until then a change copies the buckets in use."""

Columns = npt.NDArray[np.int32]
"""By bucket: reports, reports that write the stem capitalized, reports that write it in lower case; shape (buckets, 3)."""
Marks = npt.NDArray[np.uint8]


class StemCounts:
    """The counts of all buckets, 0 at first. Stems in one bucket share their counts."""

    def __init__(self) -> None:
        self._used: Hashes | None = np.zeros(0, dtype=np.uint32)
        """The buckets in use, ascending; None once the counts are an array of all."""
        self._columns: Columns = np.zeros((0, 3), dtype=np.int32)

    def add(self, stems: Hashes, marks: Marks, by: int) -> None:
        """Count a report, or undo that. It counts once in a bucket that two of its stems share."""
        buckets = _buckets(stems)
        first = np.ones(buckets.size, dtype=np.bool_)
        first[1:] = buckets[1:] != buckets[:-1]
        if not first.all():
            buckets, marks = buckets[first], marks[first]
        change = np.empty((buckets.size, 3), dtype=np.int32)
        change[:, 0] = by
        change[:, 1] = by * ((marks & StemMark.CAPITALIZED.value) > 0)
        change[:, 2] = by * ((marks & StemMark.LOWER.value) > 0)
        if self._used is None:
            self._columns[buckets] += change
        else:
            self._add_sparse(self._used, buckets, change)

    def take(self, stems: Hashes) -> Columns:
        """Return the counts of these stems, shape (stems, 3)."""
        buckets = _buckets(stems)
        if self._used is None:
            return self._columns.take(buckets, axis=0)
        found = np.zeros((buckets.size, 3), dtype=np.int32)
        position, is_used = _find(self._used, buckets)
        found[is_used] = self._columns[position[is_used]]
        return found

    def _add_sparse(self, used: Hashes, buckets: Hashes, change: Columns) -> None:
        position, is_used = _find(used, buckets)
        self._columns[position[is_used]] += change[is_used]
        new = ~is_used
        self._columns = np.insert(self._columns, position[new], change[new], axis=0)
        used = np.insert(used, position[new], buckets[new])
        if used.size > SPARSE_MAX:
            every = np.zeros((BUCKETS, 3), dtype=np.int32)
            every[used] = self._columns
            self._used, self._columns = None, every
        else:
            self._used = used


def _buckets(stems: Hashes) -> Hashes:
    return stems >> np.uint32(BUCKET_SHIFT)


def _find(used: Hashes, buckets: Hashes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return where each bucket is among the used ones, or would be, and whether it is there."""
    position = np.searchsorted(used, buckets)
    if not used.size:
        return position, np.zeros(buckets.size, dtype=np.bool_)
    return position, used.take(position, mode="clip") == buckets
