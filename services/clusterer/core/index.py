"""The stories nearest to an article. The only module that knows FAISS."""

from __future__ import annotations

import math
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

# One query at a time gains nothing from threads.
faiss.omp_set_num_threads(1)

_FAISS: Any = faiss
"""Its stubs leave out what works on plain arrays."""

ROWS_MIN: Final = 256
BYTE_MAX: Final = 127
DEVIATIONS: Final = 6
"""Components up to this many standard deviations of evenly spread ones have room in a byte; larger ones are cut."""

Keys = npt.NDArray[np.int64]
Products = npt.NDArray[np.float32]
Direction = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint8]


class CentroidIndex:
    """Inner-product search over directions that change in place; keys are the caller's.

    It is made of two steps, because most of a search is waiting for memory. The sign of each dimension, one bit, says which
    directions may be near: the angle between two is as the share of signs that differ (of random hyperplanes, Charikar 2002).
    One byte for each dimension says how near those are.

    FAISS proposes; the engine decides on exact numbers, so that rounding here never shows in a score. Rows and queries are
    whole numbers, small enough for exact sums: what is found follows from the directions alone, on any CPU, and not from
    the order in which they came.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._length = BYTE_MAX * math.sqrt(dimension) / DEVIATIONS
        self._signs = -(-dimension // 8)
        # FAISS compares codes whose length is a power of two faster than shorter ones of another: the rest of a code is zero.
        width = max(8, 1 << (self._signs - 1).bit_length())
        self._query: Bits = np.zeros((1, width), dtype=np.uint8)
        self._bits: Bits = np.zeros((0, width), dtype=np.uint8)
        self._bytes = np.zeros((0, dimension), dtype=np.int8)
        self._distances = np.zeros(0, dtype=np.int32)
        self._key_of: Keys = np.zeros(0, dtype=np.int64)
        self._rows: dict[int, int] = {}

    def put(self, key: int, vector: Direction) -> None:
        """Give a key the direction of this vector, shape (dimension,)."""
        row = self._rows.get(key)
        if row is None:
            row = self._append(key)
        self._bits[row, : self._signs], self._bytes[row] = np.packbits(vector > 0), self._rounded(vector)

    def drop(self, key: int) -> None:
        """Forget a key; one that is not there is none. The last row takes its place, so that no empty rows are searched."""
        row = self._rows.pop(key, None)
        if row is None:
            return
        last = len(self._rows)
        if row != last:
            moved = int(self._key_of[last])
            self._key_of[row], self._rows[moved] = moved, row
            self._bits[row], self._bytes[row] = self._bits[last], self._bytes[last]

    def nearest(self, vector: Direction, count: int) -> tuple[Keys, Products]:
        """The `count` keys whose signs differ least from this direction's and those whose signs differ as much as the last's.

        They come in no order, with how near they are by their bytes.
        """
        rows = self._near(vector, count)
        products = self._bytes.take(rows, axis=0).astype(np.float32) @ self._rounded(vector).astype(np.float32)
        return self._key_of[rows], products

    def _near(self, vector: Direction, count: int) -> npt.NDArray[np.int64]:
        """The rows whose signs differ least."""
        used = len(self._rows)
        if used <= count:
            return np.arange(used)
        self._query[0, : self._signs] = np.packbits(vector > 0)
        distances = self._distances[:used]
        query, bits, found = map(_FAISS.swig_ptr, (self._query, self._bits, distances))
        _FAISS.hammings(query, bits, 1, used, self._bits.shape[1], found)
        # Of some that are equally near, which come first would depend on the rows' order, and so on the past.
        last = np.partition(distances, count - 1)[count - 1]
        rows: npt.NDArray[np.int64] = (distances <= last).nonzero()[0]
        return rows

    def _append(self, key: int) -> int:
        row = len(self._rows)
        if row == len(self._key_of):
            self._grow(max(ROWS_MIN, row // 2))
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
        rounded: Direction = np.rint(np.minimum(np.maximum(scaled, -BYTE_MAX), BYTE_MAX))
        return rounded
