"""The story space: comparable stories as sums of their reports' vectors, each in a slot of one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Final

import numpy as np
import numpy.typing as npt

from newsloom.contracts.limits import YEAR_MAX
from services.clusterer.core.features import vector_layout
from services.clusterer.core.fixed_point import SCALE, UNIT, ExactVector, squared_lengths
from services.clusterer.core.index import CentroidIndex, Eligibility, Products

FOLDED_MAX: Final = 512
EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
MILLISECOND: Final = timedelta(milliseconds=1)

_LATEST_MS: Final = (datetime(YEAR_MAX, 12, 31, tzinfo=UTC) - EPOCH) // MILLISECOND

Slots = npt.NDArray[np.int64]


def folded_dimension(dimension: int) -> int:
    """Return the dimensions of an embedding in the index: halved, by adding up both halves, while above 512 and even.

    The halves are nearly independent (feature hashing, Weinberger et al. 2009), so that inner products stay almost the same
    and the search reads half as much. The exact score makes up for the difference.
    """
    while dimension > FOLDED_MAX and dimension % 2 == 0:
        dimension //= 2
    return dimension


def unix_ms(moment: datetime) -> int:
    """Return the Unix time in milliseconds."""
    return (moment - EPOCH) // MILLISECOND


def timestamp(milliseconds: int) -> datetime:
    """Return the moment of a record's timestamp (Unix time in milliseconds), not before 1970 and not after `YEAR_MAX`."""
    return EPOCH + min(max(milliseconds, 0), _LATEST_MS) * MILLISECOND


def whole_milliseconds(moment: datetime) -> datetime:
    """Return the moment as the timestamp of a record can hold it."""
    return timestamp(unix_ms(moment))


class StorySpace:
    """Everything that the scores of stories depend on. All sums are exact, so that the order of reports makes no difference.

    Open and closed stories have an index each, so that articles that are not late search the open ones only.

    By slot: `sums` of combined vectors, `lengths` of these sums, `counts` of reports, `squares` (sums of the reports' squared
    lengths), `times` (sums of publication times), `firsts` and `lasts` (extremes of them). All but `lengths` are integers;
    times are Unix time in milliseconds. 32 bits hold the `sums` of 100,000 equal reports.
    """

    def __init__(self, dimension: int) -> None:
        self.layout = vector_layout(dimension)
        self.sums = np.zeros((0, self.layout.size), dtype=np.int32)
        self.lengths = np.zeros(0)
        self.squares = np.zeros(0)
        self._use_extents(np.zeros((0, 4), dtype=np.int64))
        self.stories: list[str] = []
        self._free: list[int] = []
        self._folded = folded_dimension(dimension)
        self._open_index = CentroidIndex(self._folded)
        self._closed_index = CentroidIndex(self._folded, are_mostly_eligible=False)
        self._closed: set[int] = set()

    def _use_extents(self, extents: Slots) -> None:
        # Keep all four in one row per slot: scores need them for a hundred stories, from memory that is no longer in the cache.
        self._extents = extents
        self.counts, self.times, self.firsts, self.lasts = extents.T

    @property
    def open_count(self) -> int:
        """Return the number of open stories."""
        return len(self._open_index)

    def open_stories(self) -> list[str]:
        """Return the ids of the open stories, in no order."""
        return [self.stories[slot] for slot in self._open_index]

    @property
    def closed_count(self) -> int:
        """Return the number of closed stories that are still comparable."""
        return len(self._closed_index)

    def open(self, story_id: str) -> int:
        """Return a slot for a story that has no reports yet."""
        if not self._free:
            # From one slot on: producers may name any number of editions, and an edition may have a single story.
            self._grow(max(1, len(self.stories)))
        slot = self._free.pop()
        self.stories[slot] = story_id
        return slot

    def reserve(self, stories: int) -> None:
        """Make room for this many more stories at once: growing step by step would copy every sum several times."""
        missing = stories - len(self._free)
        if missing > 0:
            free = self._free
            self._grow(missing)
            self._free = [*self._free, *free]

    def fill(self, slot: int, vectors: list[ExactVector], times: list[int]) -> None:
        """Add all reports of an empty slot at once. The result has the same bits as `add` for each of them, in any order."""
        if not vectors:
            return
        rows = np.stack(vectors)
        self.sums[slot] = rows.sum(axis=0)
        self.counts[slot] = len(vectors)
        self.squares[slot] = np.einsum("ij,ij->", rows, rows)
        self.times[slot], self.firsts[slot], self.lasts[slot] = sum(times), min(times), max(times)
        self._refresh(slot)

    def close(self, slot: int) -> None:
        """Record that the story in this slot has closed; it stays comparable."""
        self._open_index.drop(slot)
        self._closed.add(slot)
        if self.counts[slot]:
            self._refresh(slot)

    def is_closed(self, slot: int) -> bool:
        """Return whether the story in this slot has closed."""
        return slot in self._closed

    def release(self, slot: int) -> None:
        """Empty a slot and free it for another story."""
        for column in (self.sums, self.lengths, self.squares, self._extents):
            column[slot] = 0
        self._index_of(slot).drop(slot)
        self._closed.discard(slot)
        self.stories[slot] = ""
        self._free.append(slot)

    def add(self, slot: int, vector: ExactVector, at: int) -> None:
        """Add a report that was published `at`; its vector has shape (layout.size,)."""
        count, times, first, last = self._extents[slot].tolist()
        first, last = (min(at, first), max(at, last)) if count else (at, at)
        self._extents[slot] = count + 1, times + at, first, last
        self.sums[slot] += vector.astype(np.int32)
        self.squares[slot] += np.dot(vector, vector)
        self._refresh(slot)

    def remove(self, slot: int, vector: ExactVector, at: int, remaining: list[int]) -> None:
        """Remove a report; `remaining` are the publication times of the others."""
        count, times, *_ = self._extents[slot].tolist()
        first, last = (min(remaining), max(remaining)) if remaining else (0, 0)
        self._extents[slot] = count - 1, times - at, first, last
        self.sums[slot] -= vector.astype(np.int32)
        self.squares[slot] -= np.dot(vector, vector)
        self._refresh(slot)

    def replace_embeddings(self, slot: int, old: ExactVector, new: ExactVector) -> None:
        """Replace the embeddings of all reports of a slot, shape (reports, 2 x dimension)."""
        self.sums[slot, self.layout.embeddings] += (new - old).sum(axis=0).astype(np.int32)
        self.squares[slot] += squared_lengths(new).sum() - squared_lengths(old).sum()
        self._refresh(slot)

    def absorb(self, slot: int, other: int) -> None:
        """Add the reports of another slot, and close that one."""
        self.sums[slot] += self.sums[other]
        self.counts[slot] += self.counts[other]
        self.squares[slot] += self.squares[other]
        self.times[slot] += self.times[other]
        self.firsts[slot] = min(self.firsts[slot], self.firsts[other])
        self.lasts[slot] = max(self.lasts[slot], self.lasts[other])
        self._refresh(slot)
        self.release(other)

    def nearest_open(self, vector: ExactVector, count: int, are_eligible: Eligibility) -> tuple[Slots, Products]:
        """Return the `count` eligible slots of open stories with the nearest centroids, in no order, and their nearness.

        All that tie with the last one are among them. `are_eligible` returns a mask for an array of slots. Nearness estimates the
        cosine of the embeddings, in a unit of its own.
        """
        return self._open_index.nearest(self._direction(vector), count, are_eligible)

    def nearest_closed(self, vector: ExactVector, count: int, are_eligible: Eligibility) -> tuple[Slots, Products]:
        """Return the same of closed stories."""
        return self._closed_index.nearest(self._direction(vector), count, are_eligible)

    def extents(self, slots: Slots) -> tuple[Slots, Slots, Slots, Slots]:
        """Return `counts`, `times`, `firsts` and `lasts` of these slots."""
        counts, times, firsts, lasts = self._extents.take(slots, axis=0).T
        return counts, times, firsts, lasts

    def within(self, first: int, last: int) -> Eligibility:
        """Return the condition that a story has reports between these times, in milliseconds, or before and after them."""

        def are_within(slots: Slots) -> npt.NDArray[np.bool_]:
            _, _, firsts, lasts = self.extents(slots)
            return (firsts <= last) & (lasts >= first)

        return are_within

    def ended_before(self, at: int) -> Eligibility:
        """Return the condition that all reports of a story are earlier than this time, in milliseconds."""
        return lambda slots: self.lasts[slots] < at

    def similarities(self, vector: ExactVector, slots: Slots) -> npt.NDArray[np.float64]:
        """Return the sum of the vector's similarities to the reports of each slot."""
        return self.vectors(slots) @ vector / UNIT

    def vectors(self, slots: Slots | Sequence[int] | int) -> ExactVector:
        """Return the sums of the reports in these slots, shape (slots, layout.size); of one slot, shape (layout.size,)."""
        return self.sums.take(slots, axis=0).astype(np.float64)

    def lead_sum(self, slot: int) -> ExactVector:
        """Return the sum of the leads of the slot's reports, shape (dimension,)."""
        return self.sums[slot, self.layout.lead].astype(np.float64)

    def pair_sum(self, slot: int) -> float:
        """Return the sum of the similarities of all pairs of the slot's reports."""
        return float(self.lengths[slot] ** 2 - self.squares[slot] / UNIT) / 2

    def cohesion(self, slot: int) -> float:
        """Return the mean similarity of the slot's pairs of reports, relative to a report with itself; 1 for one report."""
        count, squares = int(self.counts[slot]), float(self.squares[slot]) / UNIT
        return self.pair_sum(slot) / squares * 2 / (count - 1) if count > 1 and squares else 1.0

    def loose_count(self, reports_min: int, below: float) -> int:
        """Return how many open stories of so many reports have a lower cohesion. Other threads may call it."""
        counts, squares, lengths = self.counts, self.squares / UNIT, self.lengths
        size = min(counts.size, squares.size, lengths.size)
        slots = (counts[:size] >= reports_min).nonzero()[0]
        pairs = lengths[slots] ** 2 - squares[slots]
        is_loose = pairs < below * squares[slots] * (counts[slots] - 1)
        return int(is_loose.sum()) - sum(map(self.is_closed, slots[is_loose].tolist()))

    def cross_mean(self, slot: int, other: int) -> float:
        """Return the mean similarity between the reports of two slots."""
        cross = float(np.dot(self.vectors(slot), self.vectors(other))) / UNIT
        return cross / float(self.counts[slot] * self.counts[other])

    def effective_reports(self, slots: Sequence[int], terms_weight: float) -> float:
        """Return how many reports without common terms have a sum of terms as long as that of the reports in these slots."""
        chosen = np.array(slots, dtype=np.int64)
        # All components of a report have the same length, but for their weights.
        squares = terms_weight * float(self.squares[chosen].sum())
        total = self.sums[chosen, self.layout.terms].sum(axis=0, dtype=np.float64)
        together = float(np.dot(total, total))
        return float(self.counts[chosen].sum()) * squares / together if together else 1.0

    def _refresh(self, slot: int) -> None:
        row = self.vectors(slot)
        self.lengths[slot] = np.sqrt(np.dot(row, row)) / SCALE
        if self.counts[slot]:
            self._index_of(slot).put(slot, self._direction(row))
        else:
            self._index_of(slot).drop(slot)

    def _index_of(self, slot: int) -> CentroidIndex:
        return self._closed_index if slot in self._closed else self._open_index

    def _direction(self, vector: ExactVector) -> ExactVector:
        # Add up the embeddings of title and lead: the sum is more informative than either, and half as long as both.
        return reduce(np.add, vector[self.layout.embeddings].reshape(-1, self._folded))

    def _grow(self, more: int) -> None:
        before = len(self.stories)
        # The operating system gives pages of a large array only once they are written to: free slots take no memory.
        sums = np.zeros((before + more, self.layout.size), dtype=np.int32)
        sums[:before] = self.sums
        self.sums = sums
        for name in ("lengths", "squares"):
            setattr(self, name, np.concatenate((getattr(self, name), np.zeros(more))))
        self._use_extents(np.concatenate((self._extents, np.zeros((more, 4), dtype=np.int64))))
        self.stories += [""] * more
        self._free = list(range(before + more - 1, before - 1, -1))
