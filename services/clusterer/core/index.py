"""The stories nearest to an article. The only module that knows FAISS."""

from __future__ import annotations

import math
from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

# One query at a time gains nothing from threads, and one thread sums in one order.
faiss.omp_set_num_threads(1)

ROWS_MIN: Final = 256
BYTE_MAX: Final = 127
DEVIATIONS: Final = 6
"""Components up to this many standard deviations of evenly spread ones have room in a byte; larger ones are cut."""
CODE_OFFSET: Final = BYTE_MAX + 1
"""FAISS keeps a signed byte as an unsigned one, this much larger."""

Keys = npt.NDArray[np.int64]
Products = npt.NDArray[np.float32]


class CentroidIndex:
    """Inner-product search over directions that change in place, kept in a byte for each dimension; keys are the caller's.

    FAISS proposes; the engine decides on exact numbers, so that rounding here never shows in a score. Rows and queries are
    whole numbers, small enough for exact sums: what is found follows from the directions alone, on any CPU, and not from
    the order in which they came.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._length = BYTE_MAX * math.sqrt(dimension) / DEVIATIONS
        self._index = faiss.IndexScalarQuantizer(
            dimension, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
        )
        self._codes = np.zeros((0, dimension), dtype=np.uint8)
        self._key_of: Keys = np.zeros(0, dtype=np.int64)
        self._rows: dict[int, int] = {}

    def put(self, key: int, vector: npt.NDArray[np.float64]) -> None:
        """Give a key the direction of this vector, shape (dimension,)."""
        row = self._rows.get(key)
        if row is None:
            row = self._append(key)
        self._codes[row] = self._rounded(vector) + CODE_OFFSET

    def drop(self, key: int) -> None:
        """Forget a key; one that is not there is none. The last row takes its place, so that no empty rows are searched."""
        row = self._rows.pop(key, None)
        if row is None:
            return
        last = len(self._rows)
        if row != last:
            moved = int(self._key_of[last])
            self._codes[row], self._key_of[row], self._rows[moved] = self._codes[last], moved, row
        self._index.ntotal = last

    def nearest(self, vector: npt.NDArray[np.float64], count: int) -> tuple[Keys, Products]:
        """The `count` keys nearest in this direction and those as near as the last of them, in no order; how near they are."""
        query = self._rounded(vector).astype(np.float32)[None, :]
        count = min(count, len(self._rows))
        asked = count + 1
        while count:
            asked = min(asked, len(self._rows))
            products, rows = self._index.search(query, asked)
            last = products[0, count - 1]
            if products[0, -1] < last or asked == len(self._rows):
                # Of some that are equally near, which come first would depend on the rows' order, and so on the past.
                found = products[0] >= last
                return self._key_of[rows[0, found]], products[0, found]
            asked *= 2
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)

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
        self._index.ntotal = len(self._key_of)
        self._index.add(np.zeros((more, self._dimension), dtype=np.float32))
        self._key_of = np.concatenate((self._key_of, np.zeros(more, dtype=np.int64)))
        flat = faiss.rev_swig_ptr(self._index.codes.data(), len(self._key_of) * self._dimension)
        self._codes = flat.reshape(-1, self._dimension)

    def _rounded(self, vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        length = float(np.sqrt(np.dot(vector, vector)))
        scaled = vector * (self._length / length if length else 0.0)
        rounded: npt.NDArray[np.float64] = np.rint(np.minimum(np.maximum(scaled, -BYTE_MAX), BYTE_MAX))
        return rounded
