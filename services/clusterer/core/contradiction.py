"""Decide whether two sides, articles or stories, contradict each other: their titles name different things.

Two earthquakes of one day are told in the same words. What differs are names and numbers: those of one title do not occur in the
text of the other side, and the other way round.
"""

from __future__ import annotations

import math

from services.clusterer.core.evidence import LEAD, TITLE, WEIGHT_SCALE, JointEvidence, StemStatistics
from services.clusterer.core.hashes import Hashes, contains
from services.clusterer.core.parameters import Parameters


def is_contradicted(
    one: JointEvidence, other: JointEvidence, statistics: StemStatistics, parameters: Parameters, *, is_template: bool
) -> bool:
    """Return whether two sides are about different events, by the names and numbers of their titles.

    There is no verdict without names or numbers on both sides. `is_template`: the sides share a template, so that one is enough,
    a higher share has to be covered, and what their leads share is no evidence.
    """
    if not one.joint().stems.size:
        return False
    cover_min = parameters.cover_template_min if is_template else parameters.cover_min
    comparison = _Comparison(one, other, statistics, parameters)
    own = statistics.names(one.joint(), TITLE)
    place = TITLE
    if not own.size and comparison.is_titled_alike():
        # Both titles say nothing, such as "Live updates": the texts have to tell.
        place = TITLE | LEAD
        own = statistics.names(one.joint(), place)
    if own.size and comparison.covers(own, one, other, cover_min):
        return False
    others = statistics.names(other.joint(), place)
    if is_template and place == TITLE and bool(own.size) != bool(others.size):
        # Of a template only the titles tell, so the names of one are enough.
        return bool(own.size) or not comparison.covers(others, other, one, cover_min)
    return bool(own.size and others.size) and not (
        comparison.covers(others, other, one, cover_min)
        or (not is_template and comparison.covers_texts(parameters.cover_text_min))
    )


class _Comparison:
    """How much of the names and numbers of either side the other one has."""

    def __init__(
        self, one: JointEvidence, other: JointEvidence, statistics: StemStatistics, parameters: Parameters
    ) -> None:
        self._sides = one, other
        self._statistics = statistics
        documents = statistics.documents - one.reports - other.reports
        unseen = WEIGHT_SCALE * math.log((documents + 2) / 2)
        # With few articles every name is rare, and any missing one counts.
        self._missing_min = parameters.missing_min * unseen if documents >= parameters.missing_documents_min else 0.0

    def is_titled_alike(self) -> bool:
        """Return whether each word of the first side's title is in the titles of the other."""
        own, others = (side.joint().at(TITLE) for side in self._sides)
        return bool(contains(others, own).all())

    def covers(self, names: Hashes, own: JointEvidence, other: JointEvidence, share_min: float) -> bool:
        """Return whether this share of one side's names is on the other, by weight, or what is missing weighs too little."""
        claims = self._statistics.weigh(names, own, other)
        found, total = claims.found, claims.total
        return found >= share_min * total or total - found < self._missing_min

    def covers_texts(self, share_min: float) -> bool:
        """Return whether one side has this share of the names and numbers in title and lead of the other."""
        for own, other in (self._sides, self._sides[::-1]):
            names = self._statistics.names(own.joint(), TITLE | LEAD)
            claims = self._statistics.weigh(names, own, other)
            if claims.total and claims.found >= share_min * claims.total:
                return True
        return False
