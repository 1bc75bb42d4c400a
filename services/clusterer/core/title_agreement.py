"""Decide whether two articles with nearly the same text report the same event: whether their titles agree.

A page that stands where the article should be (a consent form, a menu) tells nothing of its title. A template tells of another
place, company or day than the title of its other instance.
"""

from __future__ import annotations

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
        article, report = JointEvidence(one, is_counted=False), JointEvidence(other)
        self._sides = _Side(article, report, statistics), _Side(report, article, statistics)
        self._parameters = parameters

    def holds(self) -> bool:
        parameters = self._parameters
        alike = min(side.title_share(TITLE) for side in self._sides)
        if all(side.has_lead for side in self._sides):
            told = max(side.title_share(LEAD) for side in self._sides)
            is_told = alike >= parameters.title_equal_min or told >= parameters.title_told_min
        else:
            is_told = alike >= parameters.title_alike_min
        is_template = alike >= parameters.template_alike_min
        cover_min = parameters.copy_template_cover_min if is_template else parameters.copy_title_cover_min
        return is_told and self._covers(TITLE, cover_min) and self._covers(TITLE | LEAD, parameters.copy_cover_min)

    def _covers(self, place: int, share_min: float) -> bool:
        """Return whether one article has this share of the names and numbers of the other in `place`."""
        return any(side.covers(place, share_min) for side in self._sides)


class _Side:
    """The words in title and lead of one of two articles, with their weights, and which of them the other article has."""

    def __init__(self, own: JointEvidence, other: JointEvidence, statistics: StemStatistics) -> None:
        words = own.joint().marked(TITLE | LEAD)
        self._marks = words.marks
        self._claims = statistics.weigh(words.stems, own, other)
        self._are_names = statistics.are_names(words)
        self._other = other.joint()

    @property
    def has_lead(self) -> bool:
        return bool(((self._marks & LEAD) > 0).any())

    def title_share(self, within: int) -> float:
        """Return the share of the title's words that the other article has `within`, by weight."""
        titled = self._claims.weights * ((self._marks & TITLE) > 0)
        total = int(titled.sum())
        return int(titled.dot(contains(self._other.at(within), self._claims.stems))) / total if total else 1.0

    def covers(self, place: int, share_min: float) -> bool:
        """Return whether the other article has this share of the names and numbers in `place`, by weight."""
        named = self._claims.weights * (self._are_names & ((self._marks & place) > 0))
        return int(named.dot(self._claims.is_found)) >= share_min * int(named.sum())
