"""Decide whether an article is a copy of a report.

Two pages may share their words and report different events: a menu, a request for donations or a list of countries stands
where the article should be. Titles tell them apart: of two copies at least one title fits the text, however differently they
are worded. Where no title fits, the shared text is boilerplate (Kohlschütter, Fankhauser, Nejdl 2010), and the article is
compared without it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from newsloom.contracts.membership import Membership
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.edition import EditionState
from services.clusterer.core.features import Features, stored_features, title_fit, without_boilerplate
from services.clusterer.core.indexes import Representation
from services.clusterer.core.recurrence import is_instance
from services.clusterer.core.rubrics import says_nothing
from services.clusterer.core.story import LiveStory
from services.clusterer.core.title_agreement import titles_agree

MATCHES_MAX: Final = 16
"""Reports with nearly the same text to compare. Copies are among the nearest, and a page may stand for thousands of articles."""


class TextMatch(NamedTuple):
    """A report with nearly the same text: their Jaccard index, and how well one's title fits the other's lead."""

    jaccard: float
    fit: float
    report: Membership
    features: Features


class CopyDetection(NamedTuple):
    """How to compare an article; the report it is a copy of, or else the id of a report with the same boilerplate."""

    representation: Representation
    original: TextMatch | None
    boilerplate_of: str | None


def detect_copy(edition: EditionState, event: ArticleVector, features: Features) -> CopyDetection:
    """Find the report that an article is a copy of, or the boilerplate to leave out of its comparison.

    It is compared with the reports of open stories, and of closed ones within a window of its own date.
    """
    representation = edition.indexes.represent(features)
    matches = _text_matches(edition, representation, event.published_at)
    if says_nothing(event.title, event.words, features.evidence, edition.indexes):
        return CopyDetection(representation, None, None)
    originals = _originals(features, matches, edition)
    original = next((match for match in originals if not is_instance(event, features, match.report)), None)
    if original is not None or not matches:
        return CopyDetection(representation, original, None)
    for match in matches:
        features = without_boilerplate(features, match.features)
    return CopyDetection(edition.indexes.represent(features), None, matches[0].report.article_id)


def find_original(story: LiveStory, edition: EditionState, representation: Representation) -> str | None:
    """Return the id of the report of this story that the article is a copy of; None if there is none."""
    matches = _text_matches(edition, representation, story.last_published_at)
    originals = _originals(representation.features, matches, edition)
    return next((match.report.article_id for match in originals if match.report.story_id == story.id), None)


def _text_matches(edition: EditionState, representation: Representation, at: datetime) -> list[TextMatch]:
    """Return the reports with nearly this text, the nearest first, the earliest on a tie: of stories open or of the time `at`."""
    found = []
    for jaccard, article_id in edition.indexes.texts.matches(representation.features.shingles, representation.bands):
        story = edition.stories[edition.articles[article_id]]
        if story.is_open or story.is_within(edition.parameters.window, at):
            found.append((jaccard, story.members[article_id]))
    matches = []
    for jaccard, report in heapq.nsmallest(MATCHES_MAX, found, key=lambda match: (-match[0], match[1].sequence)):
        features = stored_features(report)
        fit = title_fit(representation.features, features, edition.indexes.zero_points)
        matches.append(TextMatch(jaccard, fit, report, features))
    return matches


def _originals(features: Features, matches: list[TextMatch], edition: EditionState) -> Iterator[TextMatch]:
    statistics, parameters = edition.indexes.statistics, edition.parameters
    return (
        match
        for match in matches
        if match.fit >= parameters.copy_fit
        and titles_agree(features.evidence, match.features.evidence, statistics, parameters)
    )
