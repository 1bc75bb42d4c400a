"""The stories nearest to an article. The only module that knows FAISS."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

# One query at a time gains nothing from threads, and one thread sums in one order.
faiss.omp_set_num_threads(1)


class CentroidIndex:
    """Inner-product search over directions that change in place, kept in half precision; row numbers are the caller's.

    FAISS proposes; the engine decides on exact numbers, so that rounding here never shows in a decision.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._index = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)

    @property
    def rows(self) -> int:
        """How many rows there are, empty ones included."""
        return int(self._index.ntotal)

    def grow(self, more: int) -> None:
        """Add empty rows."""
        self._index.add(np.zeros((more, self._dimension), dtype=np.float32))

    def put(self, row: int, vector: npt.NDArray[np.float64]) -> None:
        """Give a row the direction of this vector, shape (dimension,); a vector of zeros empties it."""
        length = float(np.sqrt(np.dot(vector, vector)))
        self._codes()[row] = vector / length if length else 0.0

    def nearest(self, vector: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
        """At most `count` rows in this direction, nearest first. Empty rows have a similarity of 0 and may be among them."""
        query = vector.astype(np.float32)[None, :]
        found: npt.NDArray[np.int64] = self._index.search(query, min(count, self.rows))[1][0]
        return found

    def _codes(self) -> npt.NDArray[np.float16]:
        # FAISS has no call to overwrite a stored vector; in this index the codes are plain rows of half-precision floats.
        flat = faiss.rev_swig_ptr(self._index.codes.data(), self.rows * self._dimension * 2)
        codes: npt.NDArray[np.float16] = flat.view(np.float16).reshape(-1, self._dimension)
        return codes
