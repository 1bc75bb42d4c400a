"""Decide whether two articles with nearly the same text report the same event: whether their titles agree.

A page that stands where the article should be (a consent form, a menu) tells nothing of its title. A template tells of another
place, company or day than the title of its other instance.
"""

from __future__ import annotations

import numpy as np

from services.clusterer.core.evidence import LEAD, TITLE, Evidence, JointEvidence, StemStatistics
from services.clusterer.core.hashes import contains
from services.clusterer.core.parameters import Parameters


def titles_agree(one: Evidence, other: Evidence, statistics: StemStatistics, parameters: Parameters) -> bool:
    """Return whether the titles of an article and of a report with nearly the same text are about one event.

    They are if one of them is missing, or if an embedder sent no evidence. Else the words of one title have to be in the text of
    the other article, or both titles have to be alike; and names and numbers of one article have to be in the other.
    """
    if not one.at(TITLE).size or not other.at(TITLE).size:
        return True
    return _Agreement(one, other, statistics, parameters).holds()


class _Agreement:
    """The comparison of an article with a report."""

    def __init__(self, one: Evidence, other: Evidence, statistics: StemStatistics, parameters: Parameters) -> None:
        # Each with the other.
        self._pairs = (
            (JointEvidence(one, is_counted=False), JointEvidence(other)),
            (JointEvidence(other), JointEvidence(one, is_counted=False)),
        )
        self._statistics = statistics
        self._parameters = parameters

    def holds(self) -> bool:
        parameters = self._parameters
        alike = min(self._shares(TITLE, TITLE))
        if all(own.joint().at(LEAD).size for own, _ in self._pairs):
            is_told = alike >= parameters.title_equal_min or max(self._shares(TITLE, LEAD)) >= parameters.title_told_min
        else:
            is_told = alike >= parameters.title_alike_min
        is_template = alike >= parameters.template_alike_min
        cover_min = parameters.copy_template_cover_min if is_template else parameters.copy_title_cover_min
        return is_told and self._covers(TITLE, cover_min) and self._covers(TITLE | LEAD, parameters.copy_cover_min)

    def _shares(self, place: int, within: int) -> list[float]:
        """Return the share of each article's words in `place` that the other one has `within`."""
        shares = []
        for own, other in self._pairs:
            claims = self._statistics.weigh(own.joint().at(place), own, other)
            there = contains(other.joint().at(within), claims.stems)
            shares.append(int(np.dot(claims.weights, there)) / claims.total if claims.total else 1.0)
        return shares

    def _covers(self, place: int, share_min: float) -> bool:
        """Return whether one article has this share of the names and numbers of the other in `place`."""
        for own, other in self._pairs:
            evidence = own.joint()
            chosen = (evidence.marks & place) > 0
            names = self._statistics.named(Evidence(evidence.stems[chosen], evidence.marks[chosen]))
            claims = self._statistics.weigh(names, own, other)
            if claims.found >= share_min * claims.total:
                return True
        return False
