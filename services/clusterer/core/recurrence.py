"""Recognize recurring items: an outlet's daily briefing, weekly figures, horoscopes, weather alerts.

Their instances have the same names and nearly the same words, so no similarity tells them apart. What they have in common is the
period: the same outlet publishes them at the same time of the day, days apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from newsloom.contracts.membership import Membership
from newsloom.contracts.vector import ArticleVector, StemMark
from services.clusterer.core.evidence import Evidence, decode_evidence
from services.clusterer.core.features import Features
from services.clusterer.core.hashes import Hashes, decode_hashes
from services.clusterer.core.minhash_index import jaccard

DAY: Final = timedelta(days=1)
MIDNIGHT: Final = time()
TOLERANCE: Final = timedelta(hours=1, minutes=30)
"""How far from a whole number of days two instances may be: editors are not punctual, and clocks change twice a year."""
TITLE_JACCARD_MIN: Final = 0.4
TEXT_JACCARD_MIN: Final = 0.25
SAME_TEXT: Final = 0.95
_TITLE: Final = int(StemMark.TITLE)
_NUMBER: Final = int(StemMark.NUMBER)


class Instance(NamedTuple):
    """What recurrence depends on. `title` are the stems of the title without numbers."""

    outlet: str | None
    published_at: datetime
    shingles: Hashes
    title: Hashes


def new_instance(event: ArticleVector, features: Features) -> Instance:
    """Return a new article as an instance."""
    return Instance(event.outlet, event.published_at, features.shingles, _title_words(features.evidence))


def report_instance(report: Membership) -> Instance:
    """Return a report as an instance."""
    evidence = decode_evidence(report.stems, report.stem_marks)
    shingles = decode_hashes(report.shingles, "shingles")
    return Instance(report.outlet, report.published_at, shingles, _title_words(evidence))


def recur(article: Instance, reports: Iterable[Membership]) -> bool:
    """Return whether the article is another instance of the recurring item that one of these reports is."""
    return any(
        _is_periodic(article.published_at, report.published_at) and _are_alike(article, report_instance(report))
        for report in reports
        if report.outlet == article.outlet is not None
    )


def any_recur(some: Iterable[Membership], others: Iterable[Membership]) -> bool:
    """Return whether one of these reports is another instance of the recurring item that one of the others is."""
    by_outlet: dict[str | None, list[Membership]] = {}
    for report in others:
        by_outlet.setdefault(report.outlet, []).append(report)
    return any(
        recur(report_instance(report), by_outlet[report.outlet]) for report in some if report.outlet in by_outlet
    )


def _are_alike(one: Instance, other: Instance) -> bool:
    texts = jaccard(one.shingles, other.shingles)
    return texts < SAME_TEXT and (texts >= TEXT_JACCARD_MIN or jaccard(one.title, other.title) >= TITLE_JACCARD_MIN)


def _is_periodic(one: datetime, other: datetime) -> bool:
    gap = abs(one - other)
    days = round(gap / DAY)
    is_near = days > 0 and abs(gap - days * DAY) <= TOLERANCE
    # Midnight is the time of dates without a time, which tell no period.
    return is_near and not (one.time() == MIDNIGHT and other.time() == MIDNIGHT)


def _title_words(evidence: Evidence) -> Hashes:
    words: Hashes = evidence.stems[((evidence.marks & _TITLE) > 0) & ((evidence.marks & _NUMBER) == 0)]
    return words
