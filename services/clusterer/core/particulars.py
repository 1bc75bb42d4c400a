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

from services.clusterer.core.evidence import LEAD, TITLE, Evidence, StemStatistics
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
    if statistics.documents < parameters.missing_documents_min:
        return False
    apart = sum(_Pair(one, other, statistics, parameters).is_apart() for one in some for other in others)
    pairs = len(some) * len(others)
    return pairs > 0 and apart >= parameters.apart_pairs_min * pairs


class _Pair:
    """Two reports of different events, or of one."""

    def __init__(
        self, one: CountedReport, other: CountedReport, statistics: StemStatistics, parameters: Parameters
    ) -> None:
        self._sides = (one, other), (other, one)
        self._statistics = statistics
        self._parameters = parameters
        # A title without a text is too short to be measured by words that may not be names.
        self._with_uncased = all(report.evidence.at(LEAD).size for report in (one, other))

    def is_apart(self) -> bool:
        """Return whether each title has a rare name that the other report lacks, and neither report has what the other tells."""
        return all(self._lacks_name(*side) for side in self._sides) and not any(
            self._share(TITLE | LEAD, *side)[0] >= self._parameters.rare_text_min for side in self._sides
        )

    def _lacks_name(self, own: CountedReport, other: CountedReport) -> bool:
        share, lacks_rare = self._share(TITLE, own, other)
        return lacks_rare and share < self._parameters.rare_cover_min

    def _share(self, place: int, own: CountedReport, other: CountedReport) -> tuple[float, bool]:
        """Return the share of one report's names that the other has, by rarity; and whether it lacks a rare one."""
        stems, reports = self._statistics.particulars(own.evidence, place, with_uncased=self._with_uncased)
        if not stems.size:
            return 0.0, False
        found = contains(other.evidence.stems, stems)
        reports = np.maximum(reports - int(own.is_counted) - found * int(other.is_counted), 0)
        # Whole numbers, so that their sum is the same on any CPU.
        weights = _SCALE // (1 + reports) ** 2
        lacks_rare = bool((reports[~found] <= self._parameters.rare_reports_max).any())
        return float(np.dot(weights, found) / weights.sum()), lacks_rare
