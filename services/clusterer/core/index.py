"""The stories nearest to an article, by centroid. The only module that knows FAISS."""

from __future__ import annotations

from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

from services.clusterer.core.fixed_point import VectorSum

CAPACITY_MIN: Final = 256

# One query at a time gains nothing from threads, and one thread sums in one order.
faiss.omp_set_num_threads(1)


class StoryIndex:
    """Exact inner-product search over story centroids that change in place.

    FAISS proposes; the engine decides on exact integers, so that the rounding of 32-bit floats never shows in a decision.
    """

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._flat = faiss.IndexFlatIP(dimension)
        self._slots: dict[str, int] = {}
        self._stories: dict[int, str] = {}
        self._free: list[int] = []

    def put(self, story_id: str, total: VectorSum) -> None:
        """Add a story, or move its centroid to the direction of its sum, shape (dimension,)."""
        slot = self._slots.get(story_id)
        if slot is None:
            slot = self._take_slot()
            self._slots[story_id], self._stories[slot] = slot, story_id
        centroid = total.astype(np.float64)
        length = np.linalg.norm(centroid)
        self._rows()[slot] = centroid / length if length else 0.0

    def remove(self, story_id: str) -> None:
        """Take a story out."""
        slot = self._slots.pop(story_id)
        del self._stories[slot]
        self._rows()[slot] = 0.0
        self._free.append(slot)

    def nearest(self, vector: VectorSum, count: int) -> list[str]:
        """At most `count` stories in the direction of the vector, nearest first."""
        if not self._slots:
            return []
        query = vector.astype(np.float32)[None, :]
        slots = self._flat.search(query, min(count, int(self._flat.ntotal)))[1][0].tolist()
        # Slots that stand empty hold zeros; what they keep off the list has a similarity below 0.
        return [self._stories[slot] for slot in slots if slot in self._stories]

    def _take_slot(self) -> int:
        if not self._free:
            first, more = int(self._flat.ntotal), max(CAPACITY_MIN, int(self._flat.ntotal))
            self._flat.add(np.zeros((more, self._dimension), dtype=np.float32))
            self._free = list(range(first + more - 1, first - 1, -1))
        return self._free.pop()

    def _rows(self) -> npt.NDArray[np.float32]:
        # FAISS has no call to overwrite a vector of a flat index; its storage is plain rows of floats.
        flat = faiss.rev_swig_ptr(self._flat.get_xb(), int(self._flat.ntotal) * self._dimension)
        rows: npt.NDArray[np.float32] = flat.reshape(-1, self._dimension)
        return rows
