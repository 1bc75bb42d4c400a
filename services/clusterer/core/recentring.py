"""Measure the zero points of an edition anew when they are due, and compare its stories from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from newsloom.contracts.membership import Membership
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.languages import language_of
from services.clusterer.core.story import LiveStory
from services.clusterer.core.zero_point import (
    FIRST_AT,
    SHIFT_MIN,
    STORY_REPORTS_MAX,
    Sample,
    ZeroPoint,
    ZeroPoints,
    mean_embeddings,
    recalibrated,
    zero_point_of,
)

STORIES_MAX: Final = 4_096
"""So many stories tell a zero point well enough."""


class _SampledStory(NamedTuple):
    slot: int
    reports: tuple[Membership, ...]


def recentre_if_due(edition: EditionState, language: str) -> None:
    """Measure the zero points that are due: after an article in this language, that of the edition and that of the language.

    What has been decided stays; only later comparisons start from the new ones. All of it follows from the comparable stories and
    the zero points before, which a checkpoint keeps, so a restored edition goes on with the same numbers.
    """
    before = edition.indexes.zero_points
    is_due, is_language_due = edition.next_sequence >= before.edition.next_at, _is_language_due(edition, language)
    if not is_due and not is_language_due:
        return
    stories = [story for story in edition.stories.values() if story.is_comparable and story.report_count]
    if not stories:
        return
    means = recalibrated(_sample(edition, _sampled(stories)), edition.calibration)
    after, moved = before, set[str]()
    if is_due:
        after = replace(after, edition=_moved(before.edition, zero_point_of(means, edition.next_sequence)))
        if after.edition.has_moved(before.edition):
            moved.update(known for known in edition.indexes.languages if known not in before.by_language)
    if is_language_due:
        after = _with_language(edition, after, language, means, stories)
        if after.of(language).has_moved(before.of(language)):
            moved.add(language)
    edition.indexes.recentre(after, ((story.slot, story.reports()) for story in stories if _has_any(story, moved)))


def _is_language_due(edition: EditionState, language: str) -> bool:
    zero_points, languages = edition.indexes.zero_points, edition.indexes.languages
    if language in zero_points.by_language:
        return languages[language] >= zero_points.by_language[language].next_in_language_at
    # The zero point of an edition in one language is that of the language.
    return len(languages) > 1 and languages[language] >= FIRST_AT and zero_points.has_room()


def _with_language(
    edition: EditionState, zero_points: ZeroPoints, language: str, means: Calibration, stories: list[LiveStory]
) -> ZeroPoints:
    """Return the zero points with a new one of this language. `means` are the mean embeddings of the edition."""
    sample = _sample(edition, _sampled(stories, language))
    measured = zero_point_of(recalibrated(sample, means), edition.indexes.languages[language])
    return replace(
        zero_points,
        by_language={**zero_points.by_language, language: _moved(zero_points.of(language), measured)},
    )


def _moved(before: ZeroPoint, measured: ZeroPoint) -> ZeroPoint:
    """Return the measured zero point, or the one before if it is not worth comparing all stories anew."""
    return measured if measured.distance(before) >= SHIFT_MIN else replace(before, measured_at=measured.measured_at)


def _has_any(story: LiveStory, languages: set[str]) -> bool:
    return bool(languages) and any(_language(report) in languages for report in story.reports())


def _language(report: Membership) -> str:
    return language_of(report.language, report.title)


def _sampled(stories: Iterable[LiveStory], language: str | None = None) -> list[_SampledStory]:
    """Return the lowest stories by id that have reports in this language, with these. Ids are hashes: a random choice."""
    found = []
    for story in sorted(stories, key=lambda story: story.id):
        reports = [report for report in story.reports() if language is None or _language(report) == language]
        if reports:
            found.append(_SampledStory(story.slot, tuple(reports[:STORY_REPORTS_MAX])))
        if len(found) == STORIES_MAX:
            break
    return found


def _sample(edition: EditionState, chosen: list[_SampledStory]) -> Sample:
    space, slots = edition.indexes.space, [story.slot for story in chosen]
    title, lead = mean_embeddings((story.reports for story in chosen), edition.calibration)
    return Sample(
        title=title,
        lead=lead,
        stories=len(chosen),
        reports=int(space.counts[slots].sum()),
        reports_by_terms=space.effective_reports(slots, edition.parameters.terms_weight),
    )
