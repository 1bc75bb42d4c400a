"""Decide whether evidence keeps an article or a story out of a story, however similar they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from newsloom.contracts.membership import Membership
from services.clusterer.core.contradiction import is_contradicted
from services.clusterer.core.edition import EditionState
from services.clusterer.core.evidence import JointEvidence, stored_evidence
from services.clusterer.core.particulars import CountedReport, are_mostly_apart
from services.clusterer.core.recurrence import any_recur, recur
from services.clusterer.core.rubrics import says_nothing
from services.clusterer.core.story import LiveStory

REPORTS_MAX: Final = 8
"""Reports of a story that are compared one by one: the latest."""
OUTLET_ARTICLES_MAX: Final = 100
"""Articles of one outlet in a story in which an earlier instance of a recurring item is sought: the latest."""


def speaks_against(article: Membership, story: LiveStory, edition: EditionState) -> bool:
    """Return whether an article contradicts a story or is another instance of a recurring item in it."""
    indexes, parameters = edition.indexes, edition.parameters
    evidence = stored_evidence(article)
    if says_nothing(article.title, article.words, evidence, indexes) or _story_says_nothing(story, edition):
        return True
    return (
        is_contradicted(
            JointEvidence(evidence, is_counted=False),
            indexes.evidence(story.slot),
            indexes.statistics,
            parameters,
            is_template=_share_template((article,), story),
        )
        or recur(article, story.latest_of_outlet(article.outlet, OUTLET_ARTICLES_MAX))
        or are_mostly_apart(
            [CountedReport(evidence, is_counted=False)], _latest_reports(story), indexes.statistics, parameters
        )
    )


def keeps_apart(one: LiveStory, other: LiveStory, edition: EditionState) -> bool:
    """Return whether two stories contradict each other, or have two instances of a recurring item."""
    indexes, parameters = edition.indexes, edition.parameters
    if _story_says_nothing(one, edition) or _story_says_nothing(other, edition):
        return True
    return (
        is_contradicted(
            indexes.evidence(one.slot),
            indexes.evidence(other.slot),
            indexes.statistics,
            parameters,
            is_template=_share_template(one.members.values(), other) or _share_template(other.members.values(), one),
        )
        or any_recur(one.reports(), other.reports())
        or are_mostly_apart(_latest_reports(one), _latest_reports(other), indexes.statistics, parameters)
    )


def _latest_reports(story: LiveStory) -> list[CountedReport]:
    latest = story.latest_reports(REPORTS_MAX)
    return [CountedReport(stored_evidence(report), is_counted=story.is_open) for report in latest]


def _story_says_nothing(story: LiveStory, edition: EditionState) -> bool:
    if story.report_count != 1:
        return False
    report = story.first_report()
    return says_nothing(report.title, report.words, stored_evidence(report), edition.indexes)


def _share_template(articles: Iterable[Membership], story: LiveStory) -> bool:
    return any(article.boilerplate_of in story.members for article in articles if article.boilerplate_of is not None)
