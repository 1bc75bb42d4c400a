"""The evidence of articles: the names and numbers that tell an event from others of its kind.

A stem is the beginning of a word, or a number. It is a name if the reports of open stories write it with a capital letter inside
sentences more than twice as often as in lower case: no list of names or languages is needed.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from newsloom.contracts.membership import Membership
from newsloom.contracts.vector import StemMark
from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.hashes import Hashes, contains, decode_hashes, first_of_each
from services.clusterer.core.stem_counts import Marks, StemCounts

WEIGHT_SCALE: Final = 2**10
PARTS_MAX: Final = 8
"""Joining all parts after each report would cost more than looking into a few of them."""
TITLE: Final = int(StemMark.TITLE)
LEAD: Final = int(StemMark.LEAD)
NUMBER: Final = int(StemMark.NUMBER)
UNCASED: Final = int(StemMark.UNCASED)
BOILERPLATE: Final = int(StemMark.BOILERPLATE)
_EVERY_MARKS: Final = np.arange(256)

Counts = npt.NDArray[np.int64]


class Evidence(NamedTuple):
    """The stems of a text and the marks (`StemMark`) of each. Both are empty for articles of an embedder that sent none."""

    stems: Hashes
    marks: Marks

    def at(self, place: int) -> Hashes:
        """Return the stems with any of these marks."""
        found: Hashes = self.stems[(self.marks & place) > 0]
        return found

    def marked(self, place: int) -> Evidence:
        """Return the stems with any of these marks, with all of their marks."""
        chosen = ((self.marks & place) > 0).nonzero()[0]
        return Evidence(self.stems.take(chosen), self.marks.take(chosen))


NO_EVIDENCE: Final = Evidence(np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.uint8))


def decode_evidence(stems: bytes, marks: bytes) -> Evidence:
    """Decode the evidence of an article.

    Raises:
        UnusableEvent: the stems are not unique and ascending, or not as many as the marks.

    """
    if not stems and not marks:
        return NO_EVIDENCE
    evidence = Evidence(decode_hashes(stems, "stems"), np.frombuffer(marks, dtype=np.uint8))
    if evidence.stems.size != evidence.marks.size:
        raise UnusableEvent(f"{evidence.stems.size} stems have {evidence.marks.size} marks - at `$.stem_marks`")
    return evidence


def stored_evidence(report: Membership) -> Evidence:
    """Return the evidence in a membership: `decode_evidence` has checked it when the article came."""
    if not report.stems:
        return NO_EVIDENCE
    return Evidence(np.frombuffer(report.stems, dtype="<u4"), np.frombuffer(report.stem_marks, dtype=np.uint8))


def mark_boilerplate(evidence: Evidence, page: Evidence) -> Evidence:
    """Return the evidence with the stems that a page of the same boilerplate has marked: they tell nothing of the event.

    What both titles say stays unmarked: it is evidence for one event.
    """
    shared = contains(page.stems, evidence.stems)
    titled = contains(page.at(TITLE), evidence.stems) & ((evidence.marks & TITLE) > 0)
    marks = np.where(shared & ~titled, evidence.marks | BOILERPLATE, evidence.marks)
    return evidence._replace(marks=marks.astype(np.uint8))


class JointEvidence:
    """The evidence of several reports together: in how many of them each stem occurs, with the marks of any of them.

    `reports` is how many of them `StemStatistics` counts: none for an article that is in no story yet, or in a closed one.
    """

    def __init__(self, *parts: Evidence, is_counted: bool = True) -> None:
        self.reports = 0
        self._is_counted = is_counted
        self._parts: list[tuple[Evidence, Counts | None]] = []
        for evidence in parts:
            self.add(evidence)

    def add(self, evidence: Evidence) -> None:
        """Add a report."""
        if evidence.stems.size:
            self._parts.append((evidence, None))
            self.reports += self._is_counted

    def absorb(self, other: JointEvidence) -> None:
        """Add the reports of another group."""
        self._parts += other._parts
        self.reports += other.reports

    def uncount(self) -> None:
        """Record that `StemStatistics` no longer counts these reports: their story has closed."""
        self._is_counted = False
        self.reports = 0

    def count(self, stems: Hashes) -> Counts:
        """Return in how many reports each of these stems occurs."""
        if len(self._parts) > PARTS_MAX:
            self.joint()
        total = np.zeros(stems.size, dtype=np.int64)
        for evidence, counts in self._parts:
            places = evidence.stems.searchsorted(stems)
            found = evidence.stems.take(places, mode="clip") == stems
            total += found if counts is None else counts.take(places, mode="clip") * found
        return total

    def joint(self) -> Evidence:
        """Return the union of the stems with the marks of any report."""
        if not self._parts:
            return NO_EVIDENCE
        if len(self._parts) > 1:
            self._parts = [self._joined()]
        return self._parts[0][0]

    def _joined(self) -> tuple[Evidence, Counts]:
        parts = self._parts
        stems = np.concatenate([part.stems for part, _ in parts])
        order = stems.argsort(kind="stable")
        stems = stems.take(order)
        starts = first_of_each(stems).nonzero()[0]
        ones = [np.ones(part.stems.size, dtype=np.int64) if counts is None else counts for part, counts in parts]
        counts = np.add.reduceat(np.concatenate(ones).take(order), starts)
        marks = np.bitwise_or.reduceat(np.concatenate([part.marks for part, _ in parts]).take(order), starts)
        return Evidence(stems.take(starts), marks), counts


class Claims(NamedTuple):
    """Stems and their weights: inverse document frequencies, scaled by `WEIGHT_SCALE`; and which of them a side has."""

    stems: Hashes
    weights: Counts
    is_found: npt.NDArray[np.bool_]

    @property
    def found(self) -> int:
        """Return the weight of the stems that the side has."""
        return int(np.dot(self.weights, self.is_found))

    @property
    def total(self) -> int:
        """Return the weight of all stems."""
        return int(self.weights.sum())


class Particulars(NamedTuple):
    """Stems that may name what a report is about, and in how many counted reports each occurs."""

    stems: Hashes
    reports: Counts


class StemStatistics:
    """Counts in how many reports of open stories each stem occurs, and how they write it. It follows from the memberships."""

    def __init__(self) -> None:
        self.documents = 0
        self._counts = StemCounts()

    def add(self, evidence: Evidence) -> None:
        """Count the stems of a report."""
        self._count(evidence, 1)

    def remove(self, evidence: Evidence) -> None:
        """Undo `add` of this evidence."""
        self._count(evidence, -1)

    def names(self, evidence: Evidence, place: int) -> Hashes:
        """Return the names and numbers with any of these marks, without boilerplate."""
        chosen = _is_told_at(place).take(evidence.marks).nonzero()[0]
        told = Evidence(evidence.stems.take(chosen), evidence.marks.take(chosen))
        found: Hashes = told.stems[self.are_names(told)]
        return found

    def particulars(self, evidence: Evidence, place: int, *, with_uncased: bool) -> Particulars:
        """Return the names with any of these marks, `with_uncased` the words of scripts without case too; no numbers."""
        chosen = _is_told_at(place).take(evidence.marks).nonzero()[0]
        stems, marks = evidence.stems.take(chosen), evidence.marks.take(chosen)
        use = self._counts.with_report(stems, marks)
        is_name = use.capitalized > 2 * use.lower
        if with_uncased:
            is_name |= (marks & UNCASED) > 0
        names = is_name.nonzero()[0]
        return Particulars(stems.take(names), use.reports.take(names))

    def are_names(self, evidence: Evidence) -> npt.NDArray[np.bool_]:
        """Return which of these stems are names or numbers."""
        use = self._counts.with_report(*evidence)
        are_names: npt.NDArray[np.bool_] = ((evidence.marks & NUMBER) > 0) | (use.capitalized > 2 * use.lower)
        return are_names

    def weigh(self, stems: Hashes, own: JointEvidence, other: JointEvidence) -> Claims:
        """Return the stems of one side, with their weights in the reports that are on neither, and which the other side has.

        Without that exception, the name that every report of a large story has would weigh nothing.
        """
        reports = self._counts.reports(stems)
        in_other = other.count(stems)
        if other.reports:
            reports -= in_other
        if own.reports:
            reports -= own.count(stems)
        documents = self.documents - own.reports - other.reports
        weights = WEIGHT_SCALE * np.log((documents + 2) / (np.maximum(reports, 0) + 2.0))
        return Claims(stems, np.maximum(np.rint(weights), 0).astype(np.int64), in_other > 0)

    def _count(self, evidence: Evidence, by: int) -> None:
        if not evidence.stems.size:
            return
        self.documents += by
        self._counts.add(evidence.stems, evidence.marks, by)
        if not self.documents:
            # Free the memory of an edition whose stories are all closed.
            self._counts = StemCounts()


@cache
def _is_told_at(place: int) -> npt.NDArray[np.bool_]:
    """Return for each combination of marks whether it has any of these marks and is not boilerplate, shape (256,)."""
    is_told: npt.NDArray[np.bool_] = ((_EVERY_MARKS & place) > 0) & ((_EVERY_MARKS & BOILERPLATE) == 0)
    return is_told
