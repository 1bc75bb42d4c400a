"""Tell two reports apart by what is particular to each of them: rare names of its title that the other report does not have.

The union of a story's words hides such a difference once the story has reports of two events. In German each noun counts as a
name, and in scripts without case no word does. So this rule compares pairs of reports, and its counts leave out no other report:
the words of a kind of event are in many reports then, also in those of the story, and only rare words are evidence. In scripts
without case each word may be a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from services.clusterer.core.evidence import LEAD, TITLE, Evidence, Particulars, StemStatistics
from services.clusterer.core.hashes import contains
from services.clusterer.core.parameters import Parameters

_SCALE: Final = 2**20


class CountedReport(NamedTuple):
    """The evidence of a report, and whether `StemStatistics` counts it: not if it is new, or in a closed story."""

    evidence: Evidence
    is_counted: bool


def are_mostly_apart(
    some: Sequence[CountedReport], others: Sequence[CountedReport], statistics: StemStatistics, parameters: Parameters
) -> bool:
    """Return whether of the pairs of these reports at least the share `apart_pairs_min` are about different events."""
    pairs = len(some) * len(others)
    if not pairs or statistics.documents < parameters.missing_documents_min:
        return False
    wanted = max(parameters.apart_pairs_min * pairs, 1)
    # Most titles have no rare name: then most comparisons end here.
    ours = _with_rare_names(some, statistics, parameters)
    if len(ours) * len(others) < wanted:
        return False
    theirs = _with_rare_names(others, statistics, parameters)
    return (
        len(ours) * len(theirs) >= wanted and sum(_are_apart(one, other) for one in ours for other in theirs) >= wanted
    )


def _with_rare_names(
    reports: Sequence[CountedReport], statistics: StemStatistics, parameters: Parameters
) -> list[_Report]:
    found = (_Report(report, statistics, parameters) for report in reports)
    return [report for report in found if report.has_rare_name()]


def _are_apart(one: _Report, other: _Report) -> bool:
    """Return whether each title has a rare name that the other report lacks, and neither report has what the other tells."""
    # A title without a text is too short to be measured by words that may not be names.
    with_uncased = one.has_lead and other.has_lead
    return (
        one.lacks_name(other, with_uncased=with_uncased)
        and other.lacks_name(one, with_uncased=with_uncased)
        and not one.is_told(other, with_uncased=with_uncased)
        and not other.is_told(one, with_uncased=with_uncased)
    )


class _Report:
    """A report with its particulars, which are found once for all pairs."""

    def __init__(self, report: CountedReport, statistics: StemStatistics, parameters: Parameters) -> None:
        self._evidence, self.is_counted = report
        self._statistics = statistics
        self._parameters = parameters
        self._found: dict[tuple[int, bool], Particulars] = {}
        self.has_lead = bool(self._evidence.at(LEAD).size)

    def has_rare_name(self) -> bool:
        """Return whether the title has a rare name, or a rare word of a script without case."""
        names = self._names(TITLE, with_uncased=True)
        return bool((names.reports <= self._parameters.rare_reports_max).any())

    def lacks_name(self, other: _Report, *, with_uncased: bool) -> bool:
        """Return whether the other report lacks a rare name of this one's title, and most of its names."""
        names = self._names(TITLE, with_uncased=with_uncased)
        are_found = contains(other._evidence.stems, names.stems)
        # Of a missing name the other report is none of those that have it.
        lacks_rare = bool(((names.reports <= self._parameters.rare_reports_max) & ~are_found).any())
        return lacks_rare and _share(names, are_found, other) < self._parameters.rare_cover_min

    def is_told(self, other: _Report, *, with_uncased: bool) -> bool:
        """Return whether the other report has enough of the names in title and lead."""
        names = self._names(TITLE | LEAD, with_uncased=with_uncased)
        return _share(names, contains(other._evidence.stems, names.stems), other) >= self._parameters.rare_text_min

    def _names(self, place: int, *, with_uncased: bool) -> Particulars:
        """Return the names in this place, and how many reports other than this one have each."""
        key = place, with_uncased
        if key not in self._found:
            stems, reports = self._statistics.particulars(self._evidence, place, with_uncased=with_uncased)
            self._found[key] = Particulars(stems, reports - int(self.is_counted))
        return self._found[key]


def _share(names: Particulars, are_found: npt.NDArray[np.bool_], other: _Report) -> float:
    """Return the share of one report's names that the other has, by their rarity in third reports."""
    if not names.stems.size:
        return 0.0
    reports = np.maximum(names.reports - are_found * int(other.is_counted), 0)
    # Whole numbers, so that their sum is the same on any CPU.
    weights = _SCALE // (1 + reports) ** 2
    return float(np.dot(weights, are_found) / weights.sum())
