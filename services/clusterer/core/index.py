"""The stories nearest to an article. The only module that knows FAISS."""

from __future__ import annotations

import math
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

# One query at a time gains nothing from threads, and one thread sums in one order.
faiss.omp_set_num_threads(1)

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
    directions may be near: the angle between two is as the share of signs in which they differ (Charikar 2002). One byte for
    each dimension says how near those are.

    FAISS proposes; the engine decides on exact numbers, so that rounding here never shows in a score. Rows and queries are
    whole numbers, small enough for exact sums: what is found follows from the directions alone, on any CPU, and not from
    the order in which they came.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._length = BYTE_MAX * math.sqrt(dimension) / DEVIATIONS
        # FAISS compares codes whose length is a power of two faster than shorter ones of another: the rest of a code is zero.
        self._index = _binary_index(max(32, 1 << (dimension - 1).bit_length()))
        self._signs = -(-dimension // 8)
        self._bits: Bits = np.zeros((0, self._index.code_size), dtype=np.uint8)
        self._query: Bits = np.zeros((1, self._index.code_size), dtype=np.uint8)
        self._bytes = np.zeros((0, dimension), dtype=np.int8)
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
        self._index.ntotal = last

    def nearest(self, vector: Direction, count: int) -> tuple[Keys, Products]:
        """About `count` keys whose signs differ least from this direction's, in no order; how near they are by their bytes.

        At least half as many, if there are, and all if there are no more; of some that differ as much, all or none.
        """
        self._query[0, : self._signs] = np.packbits(vector > 0)
        rows = self._proposed(count)
        products = self._bytes.take(rows, axis=0).astype(np.float32) @ self._rounded(vector).astype(np.float32)
        return self._key_of[rows], products

    def _proposed(self, count: int) -> npt.NDArray[np.int64]:
        asked = count + 1
        while asked < len(self._rows):
            distances, rows = self._index.search(self._query, asked)
            # Of some that are equally near, which come first would depend on the rows' order, and so on the past.
            nearer: npt.NDArray[np.int64] = rows[0, distances[0] < distances[0, -1]]
            if 2 * nearer.size >= count:
                return nearer
            asked *= 2
        return np.arange(len(self._rows))

    def _append(self, key: int) -> int:
        row = len(self._rows)
        if row == len(self._key_of):
            self._grow(max(ROWS_MIN, row // 2))
        self._key_of[row] = key
        self._rows[key] = row
        self._index.ntotal = row + 1
        return row

    def _grow(self, more: int) -> None:
        # FAISS has no call to overwrite a stored vector. In this index the codes are plain rows of bytes, of which the first
        # `ntotal` are searched; those behind wait for keys to come.
        width = self._index.code_size
        self._index.ntotal = len(self._key_of)
        self._index.add(np.zeros((more, width), dtype=np.uint8))
        self._key_of = np.concatenate((self._key_of, np.zeros(more, dtype=np.int64)))
        self._bytes = np.concatenate((self._bytes, np.zeros((more, self._dimension), dtype=np.int8)))
        self._bits = faiss.rev_swig_ptr(self._index.xb.data(), len(self._key_of) * width).reshape(-1, width)

    def _rounded(self, vector: Direction) -> Direction:
        length = math.sqrt(float(np.dot(vector, vector)))
        scaled = vector * (self._length / length if length else 0.0)
        rounded: Direction = np.rint(np.minimum(np.maximum(scaled, -BYTE_MAX), BYTE_MAX))
        return rounded


def _binary_index(bits: int) -> Any:
    # FAISS' stubs leave out `use_heap` and `xb`.
    index: Any = faiss.IndexBinaryFlat(bits)
    # There are few different distances, so that counting them is faster than a heap.
    index.use_heap = False
    return index
