"""How many articles of a story have each label, such as an outlet."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

import msgspec


class LabelCounts(msgspec.Struct, gc=False):
    """Counts labels and keeps them in order of their counts, so that the most frequent ones need no search."""

    _counts: dict[str, int] = {}
    _ranked: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self._ranked)

    def add(self, label: str, by: int) -> None:
        """Count a label `by` more times; a negative number takes it back."""
        before = self._counts.pop(label, 0)
        if before:
            del self._ranked[bisect_left(self._ranked, (-before, label))]
        if before + by:
            self._counts[label] = before + by
            insort(self._ranked, (-before - by, label))

    def most_frequent(self, limit: int) -> Sequence[tuple[str, int]]:
        """Return up to `limit` labels with their counts, the most frequent first, in order of their names on a tie."""
        return [(label, -count) for count, label in self._ranked[:limit]]

    def clear(self) -> None:
        """Forget all labels."""
        self._counts.clear()
        self._ranked.clear()
