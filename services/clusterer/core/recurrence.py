"""Recognize recurring items: an outlet's daily briefing, weekly figures, horoscopes, weather alerts.

Their instances have the same names and nearly the same words, so no similarity tells them apart. What they have in common is the
period: the same outlet publishes them at the same time of the day, days apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final

from newsloom.contracts.membership import Membership
from newsloom.contracts.vector import ArticleVector, StemMark
from services.clusterer.core.evidence import Evidence, stored_evidence
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


def is_instance(event: ArticleVector, features: Features, report: Membership) -> bool:
    """Return whether a new article is another instance of the recurring item that this report is."""
    return _may_recur(event.outlet, event.published_at, report) and _are_alike(
        (features.shingles, _title_words(features.evidence)), _words(report)
    )


def share_template(article: Membership, reports: Iterable[Membership]) -> bool:
    """Return whether the outlet of the article has given one of these reports a title of mostly the same words."""
    own = [report for report in reports if report.outlet is not None and report.outlet == article.outlet]
    return any(jaccard(_words(article)[1], _words(report)[1]) >= TITLE_JACCARD_MIN for report in own)


def recur(article: Membership, reports: Iterable[Membership]) -> bool:
    """Return whether the article is another instance of the recurring item that one of these reports is."""
    periodic = [report for report in reports if _may_recur(article.outlet, article.published_at, report)]
    return any(_are_alike(_words(article), _words(report)) for report in periodic)


def any_recur(some: Iterable[Membership], others: Iterable[Membership]) -> bool:
    """Return whether one of these reports is another instance of the recurring item that one of the others is."""
    by_outlet: dict[str | None, list[Membership]] = {}
    for report in others:
        by_outlet.setdefault(report.outlet, []).append(report)
    return any(recur(report, by_outlet[report.outlet]) for report in some if report.outlet in by_outlet)


def _may_recur(outlet: str | None, at: datetime, report: Membership) -> bool:
    return outlet is not None and report.outlet == outlet and _is_periodic(at, report.published_at)


def _are_alike(one: tuple[Hashes, Hashes], other: tuple[Hashes, Hashes]) -> bool:
    """Compare the shingles and the title's words of two articles."""
    texts, titles = (jaccard(*pair) for pair in zip(one, other, strict=True))
    return texts < SAME_TEXT and (texts >= TEXT_JACCARD_MIN or titles >= TITLE_JACCARD_MIN)


def _words(report: Membership) -> tuple[Hashes, Hashes]:
    return decode_hashes(report.shingles, "shingles"), _title_words(stored_evidence(report))


def _is_periodic(one: datetime, other: datetime) -> bool:
    gap = abs(one - other)
    days = round(gap / DAY)
    is_near = days > 0 and abs(gap - days * DAY) <= TOLERANCE
    # Midnight is the time of dates without a time, which tell no period.
    return is_near and not (one.time() == MIDNIGHT and other.time() == MIDNIGHT)


def _title_words(evidence: Evidence) -> Hashes:
    words: Hashes = evidence.stems[((evidence.marks & _TITLE) > 0) & ((evidence.marks & _NUMBER) == 0)]
    return words
