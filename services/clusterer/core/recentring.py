"""Measure the zero point of an edition anew when it is due, and compare its stories from there."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import Final

from services.clusterer.core.edition import EditionState
from services.clusterer.core.story import LiveStory
from services.clusterer.core.zero_point import (
    SHIFT_MIN,
    STORY_REPORTS_MAX,
    Sample,
    mean_embeddings,
    measure_zero_point,
)

STORIES_MAX: Final = 4_096
"""So many stories tell the zero point well enough."""


def recentre_if_due(edition: EditionState) -> None:
    """Measure the zero point if it is due. What has been decided stays; only later comparisons start from the new one.

    All of it follows from the comparable stories and the zero point before, which a checkpoint keeps, so a restored edition goes
    on with the same numbers.
    """
    before = edition.indexes.zero_point
    if edition.next_sequence < before.next_at:
        return
    stories = [story for story in edition.stories.values() if story.is_comparable and story.report_count]
    if not stories:
        return
    measured = measure_zero_point(_sample(edition, stories), edition.calibration, edition.next_sequence)
    if measured.distance(before) < SHIFT_MIN:
        edition.indexes.zero_point = replace(before, measured_at=edition.next_sequence)
        return
    edition.indexes.recentre(measured, ((story.slot, story.reports()) for story in stories))


def _sample(edition: EditionState, stories: list[LiveStory]) -> Sample:
    # Ids are hashes: the lowest are a random choice, and the same one after a restore.
    chosen = heapq.nsmallest(STORIES_MAX, stories, key=lambda story: story.id)
    space, slots = edition.indexes.space, [story.slot for story in chosen]
    title, lead = mean_embeddings((story.reports()[:STORY_REPORTS_MAX] for story in chosen), edition.calibration)
    return Sample(
        title=title,
        lead=lead,
        stories=len(chosen),
        reports=int(space.counts[slots].sum()),
        reports_by_terms=space.effective_reports(slots, edition.parameters.terms_weight),
    )
