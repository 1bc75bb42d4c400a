"""Recognize recurring items and templates of an outlet: daily briefings, weekly figures, horoscopes, notices about companies.

Their instances have nearly the same words, so no similarity tells them apart. The same outlet publishes them, either under one
pattern of a title with other words in it, or at the same time of the day, days apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final

import numpy as np

from newsloom.contracts.membership import Membership
from newsloom.contracts.vector import ArticleVector, StemMark
from services.clusterer.core.evidence import Evidence, stored_evidence
from services.clusterer.core.features import Features
from services.clusterer.core.hashes import Hashes, contains, stored_hashes
from services.clusterer.core.minhash_index import jaccard

DAY: Final = timedelta(days=1)
MIDNIGHT: Final = time()
TOLERANCE: Final = timedelta(hours=1, minutes=30)
"""How far from a whole number of days two instances may be: editors are not punctual, and clocks change twice a year."""
TITLE_JACCARD_MIN: Final = 0.4
TEXT_JACCARD_MIN: Final = 0.25
SAME_TEXT: Final = 0.95
TEMPLATE_TOLD_MIN: Final = 0.4
"""Two articles of one title pattern are of one event if one has this share of the words that only the other title has."""
_TITLE: Final = int(StemMark.TITLE)
_NUMBER: Final = int(StemMark.NUMBER)


def is_instance(event: ArticleVector, features: Features, report: Membership) -> bool:
    """Return whether a new article is another instance of the recurring item, or of the template, that this report is."""
    if event.outlet is None or report.outlet != event.outlet:
        return False
    evidence = stored_evidence(report)
    return _differ_in_template(features.evidence, evidence) or (
        _is_periodic(event.published_at, report.published_at)
        and _are_alike((features.shingles, _title_words(features.evidence)), _words(report))
    )


def recur(article: Membership, reports: Iterable[Membership]) -> bool:
    """Return whether the article is another instance of the recurring item, or of the template, that one of the reports is."""
    return any(_is_other_instance(article, report) for report in _of_outlet(article.outlet, reports))


def any_recur(some: Iterable[Membership], others: Iterable[Membership]) -> bool:
    """Return whether one of these reports is another instance of what one of the others is."""
    by_outlet: dict[str | None, list[Membership]] = {}
    for report in others:
        by_outlet.setdefault(report.outlet, []).append(report)
    return any(recur(report, by_outlet[report.outlet]) for report in some if report.outlet in by_outlet)


def _of_outlet(outlet: str | None, reports: Iterable[Membership]) -> list[Membership]:
    return [report for report in reports if report.outlet == outlet] if outlet is not None else []


def _is_other_instance(article: Membership, report: Membership) -> bool:
    return _differ_in_template(stored_evidence(article), stored_evidence(report)) or (
        _is_periodic(article.published_at, report.published_at) and _are_alike(_words(article), _words(report))
    )


def _differ_in_template(one: Evidence, other: Evidence) -> bool:
    """Return whether two titles of one outlet have most words in common, and each has words that the other article lacks.

    Numbers are no such words: a later report of the same event has a higher toll.
    """
    words, others = _title_words(one), _title_words(other)
    if jaccard(words, others) < TITLE_JACCARD_MIN:
        return False
    own, their = words[~contains(others, words)], others[~contains(words, others)]
    return bool(own.size and their.size) and not (_has(other, own) or _has(one, their))


def _has(evidence: Evidence, words: Hashes) -> bool:
    return bool(np.count_nonzero(contains(evidence.stems, words)) >= TEMPLATE_TOLD_MIN * words.size)


def _are_alike(one: tuple[Hashes, Hashes], other: tuple[Hashes, Hashes]) -> bool:
    """Compare the shingles and the title's words of two articles."""
    texts, titles = (jaccard(*pair) for pair in zip(one, other, strict=True))
    return texts < SAME_TEXT and (texts >= TEXT_JACCARD_MIN or titles >= TITLE_JACCARD_MIN)


def _words(report: Membership) -> tuple[Hashes, Hashes]:
    return stored_hashes(report.shingles), _title_words(stored_evidence(report))


def _is_periodic(one: datetime, other: datetime) -> bool:
    gap = abs(one - other)
    days = round(gap / DAY)
    is_near = days > 0 and abs(gap - days * DAY) <= TOLERANCE
    # Midnight is the time of dates without a time, which tell no period.
    return is_near and not (one.time() == MIDNIGHT and other.time() == MIDNIGHT)


def _title_words(evidence: Evidence) -> Hashes:
    words: Hashes = evidence.stems[((evidence.marks & _TITLE) > 0) & ((evidence.marks & _NUMBER) == 0)]
    return words
