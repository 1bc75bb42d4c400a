"""The index of story centroids: the only module that uses FAISS."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

# Threads do not speed up one query at a time.
faiss.omp_set_num_threads(1)

_FAISS: Any = faiss
"""The type stubs lack the functions on plain arrays."""

BYTE_MAX: Final = 127
DEVIATIONS: Final = 6
"""A byte holds components of up to this many standard deviations of a random direction; larger ones are clipped."""

Keys = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Distances = npt.NDArray[np.uint16]
Products = npt.NDArray[np.float32]
Direction = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint8]
Eligibility = Callable[[Keys], npt.NDArray[np.bool_]]


class CentroidIndex:
    """An approximate index of directions by cosine. The caller chooses the keys; the direction of a key can be replaced.

    A search has two steps, because it mostly waits for memory. FAISS counts in how many dimensions the signs differ, with one
    bit per dimension: the share of differing signs estimates the angle (random hyperplanes, Charikar 2002). A code of one
    byte per dimension then estimates the cosines of the nearest.

    The engine computes exact scores of what the index proposes, so that rounding here is in no score. Codes and queries are
    integers small enough for exact sums: the result is the same on any CPU and for any order of insertion.

    `are_mostly_eligible`: most searches may return any key. It changes the speed and not the result.
    """

    def __init__(self, dimension: int, *, are_mostly_eligible: bool = True) -> None:
        self._are_mostly_eligible = are_mostly_eligible
        self._length = BYTE_MAX * math.sqrt(dimension) / DEVIATIONS
        self._signs = -(-dimension // 8)
        # Pad codes with zeros to a power of two: FAISS compares these faster than shorter codes of another length.
        width = max(8, 1 << (self._signs - 1).bit_length())
        self._query: Bits = np.zeros((1, width), dtype=np.uint8)
        self._bits: Bits = np.zeros((0, width), dtype=np.uint8)
        self._bytes = np.zeros((0, dimension), dtype=np.int8)
        self._distances = np.zeros(0, dtype=np.int32)
        self._key_of: Keys = np.zeros(0, dtype=np.int64)
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the keys, in no order."""
        return iter(self._rows)

    def put(self, key: int, vector: Direction) -> None:
        """Set the direction of a key to that of this vector, shape (dimension,)."""
        row = self._rows.get(key)
        if row is None:
            row = self._append(key)
        self._bits[row, : self._signs], self._bytes[row] = np.packbits(vector > 0), self._rounded(vector)

    def drop(self, key: int) -> None:
        """Remove a key, if it is there. The last row moves into its row, so that no empty rows are searched."""
        row = self._rows.pop(key, None)
        if row is None:
            return
        last = len(self._rows)
        if row != last:
            moved = int(self._key_of[last])
            self._key_of[row], self._rows[moved] = moved, row
            self._bits[row], self._bytes[row] = self._bits[last], self._bytes[last]

    def nearest(self, vector: Direction, count: int, are_eligible: Eligibility) -> tuple[Keys, Products]:
        """Return the `count` eligible keys with the fewest differing signs, and all that tie with the last, in no order.

        `are_eligible` returns a mask for an array of keys. The second array has the inner products of the byte codes of query and
        keys: estimates of cosines, in a unit of their own.
        """
        rows, keys = self._nearest_rows(vector, count, are_eligible)
        products = self._bytes.take(rows, axis=0).astype(np.float32) @ self._rounded(vector).astype(np.float32)
        return keys, products

    def _nearest_rows(self, vector: Direction, count: int, are_eligible: Eligibility) -> tuple[Rows, Keys]:
        """Return the rows of `nearest`, and their keys."""
        if self._are_mostly_eligible and len(self._rows) > count:
            rows = _smallest(self._sign_distances(vector), count)
            keys = self._key_of.take(rows)
            if are_eligible(keys).all():
                return rows, keys
        among: Rows = are_eligible(self._key_of[: len(self._rows)]).nonzero()[0]
        rows = among if among.size <= count else among[_smallest(self._sign_distances(vector)[among], count)]
        return rows, self._key_of.take(rows)

    def _sign_distances(self, vector: Direction) -> Distances:
        """Return the number of differing signs by row."""
        used = len(self._rows)
        self._query[0, : self._signs] = np.packbits(vector > 0)
        query, bits, found = map(_FAISS.swig_ptr, (self._query, self._bits, self._distances))
        _FAISS.hammings(query, bits, 1, used, self._bits.shape[1], found)
        # Half as many bytes to select from.
        return self._distances[:used].astype(np.uint16)

    def _append(self, key: int) -> int:
        row = len(self._rows)
        if row == len(self._key_of):
            self._grow(max(1, row // 2))
        self._key_of[row] = key
        self._rows[key] = row
        return row

    def _grow(self, more: int) -> None:
        for name in ("_bits", "_bytes", "_distances", "_key_of"):
            rows = getattr(self, name)
            setattr(self, name, np.concatenate((rows, np.zeros((more, *rows.shape[1:]), dtype=rows.dtype))))

    def _rounded(self, vector: Direction) -> Direction:
        length = math.sqrt(float(np.dot(vector, vector)))
        scaled = vector * (self._length / length if length else 0.0)
        rounded: Direction = np.rint(scaled.clip(-BYTE_MAX, BYTE_MAX))
        return rounded


def _smallest(distances: Distances, count: int) -> Rows:
    """Return the indices of the `count` smallest distances and of all that tie with the last of them.

    Which of those come first would depend on the order of rows, and so on the order of insertion.
    """
    if distances.size <= count:
        return np.arange(distances.size)
    indices: Rows = (distances <= np.partition(distances, count - 1)[count - 1]).nonzero()[0]
    return indices
