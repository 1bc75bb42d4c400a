"""Whose text an article repeats, and whether that makes it a copy.

Two pages may have the same words and tell of different things: a menu, a request for donations, a list of countries where the
article should be. The titles tell: of two copies at least one title fits the text, however differently they are worded; where
none does, the text is boilerplate (Kohlschütter, Fankhauser, Nejdl 2010), and an article is known by what else it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from newsloom.contracts.membership import Membership
from services.clusterer.core.edition import Edition, Representation
from services.clusterer.core.features import Features, stored_features, title_fit, without_boilerplate
from services.clusterer.core.story import LiveStory


class TextMatch(NamedTuple):
    """A report whose text an article repeats: their Jaccard index, and how well one's title fits the other's text."""

    jaccard: float
    fit: float
    report: Membership
    features: Features


class CopyDetection(NamedTuple):
    """What is compared of an article; the report it is a copy of, or else one that has the same boilerplate."""

    compared: Representation
    original: TextMatch | None
    boilerplate_of: str | None


def detect_copy(edition: Edition, features: Features) -> CopyDetection:
    """Find out what an article is known by."""
    compared = edition.compared(features)
    found = _repeated(edition, compared)
    original = next(_copied(found, edition), None)
    if original is not None or not found:
        return CopyDetection(compared, original, None)
    for page in found:
        features = without_boilerplate(features, page.features)
    return CopyDetection(edition.compared(features), None, found[0].report.article_id)


def find_original(story: LiveStory, edition: Edition, compared: Representation) -> str | None:
    """The report of this story that the article is a copy of."""
    copied = _copied(_repeated(edition, compared), edition)
    return next((found.report.article_id for found in copied if found.report.story_id == story.id), None)


def _repeated(edition: Edition, compared: Representation) -> list[TextMatch]:
    """The nearest first, of those the earliest."""
    found = []
    for jaccard, article_id in edition.copies.originals(compared.features.shingles, compared.bands):
        report = edition.stories[edition.articles[article_id]].members[article_id]
        features = stored_features(report)
        found.append(TextMatch(jaccard, title_fit(compared.features, features, edition.calibration), report, features))
    return sorted(found, key=lambda one: (-one.jaccard, one.report.sequence))


def _copied(found: list[TextMatch], edition: Edition) -> Iterator[TextMatch]:
    return (one for one in found if one.fit >= edition.parameters.copy_fit)
