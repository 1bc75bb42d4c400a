"""Which report's title a story carries, and how much of it.

A title that tells the story from others comes before one that recurs over stories; a report with a text before a flash, which
is a title alone. Among equals the title nearest to all reports wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from newsloom.contracts.membership import Membership
from services.clusterer.core.fixed_point import SCALE, ExactVector, decode_int16
from services.clusterer.core.story import LiveStory
from services.clusterer.core.title_parts import TitleParts

TITLE_GAIN_MIN: Final = 0.05
"""How much more typical of the story a title must be to replace another of its rank. With less, headlines would flicker."""
CHOSEN_ANEW_MAX: Final = 100
"""A story of more reports is not searched for a better title than a rubric: each rubric that joins would search it again."""


class TitleRank(NamedTuple):
    """What matters more than how typical a title is, in this order."""

    has_title: bool
    is_telling: bool
    has_text: bool


def headline_report(story: LiveStory, joined: Membership, lead_sum: ExactVector, titles: TitleParts) -> Membership:
    """Return the report whose title the story carries after a report has joined.

    `lead_sum` is the sum of the leads of the story's reports, shape (dimension,).
    """
    current = story.members.get(story.title_article_id)
    if current is None or current is joined:
        return joined
    rank, other = _rank(current, titles), _rank(joined, titles)
    if rank != other:
        better = max(rank, other)
        return joined if better is other else current
    if not rank.is_telling and story.report_count <= CHOSEN_ANEW_MAX:
        # The title was chosen before it recurred: an earlier report may have a better one.
        better_ones = [report for report in story.reports() if _rank(report, titles) > rank]
        if better_ones:
            return _best(better_ones, lead_sum, titles)
    gain = _typicality(joined, lead_sum) - _typicality(current, lead_sum)
    return joined if gain >= TITLE_GAIN_MIN else current


def best_report(story: LiveStory, lead_sum: ExactVector, titles: TitleParts) -> Membership:
    """Return the report of the best rank with the most typical title; the earliest one on a tie."""
    return _best(story.reports(), lead_sum, titles)


def earliest_report(story: LiveStory, titles: TitleParts) -> Membership:
    """Return the earliest report of the best rank, for closed stories: their articles have no features to compare."""
    return max(story.reports(), key=lambda report: (_rank(report, titles), -report.sequence))


def _best(reports: Sequence[Membership], lead_sum: ExactVector, titles: TitleParts) -> Membership:
    return max(reports, key=lambda one: (_rank(one, titles), _typicality(one, lead_sum), -one.sequence))


def _rank(report: Membership, titles: TitleParts) -> TitleRank:
    return TitleRank(bool(report.title), titles.is_telling(report.title), report.words > 0)


def _typicality(report: Membership, lead_sum: ExactVector) -> float:
    """Return the cosine of the title with the sum of the leads, or of the lead if the report has no title."""
    vector = report.title_vector if report.title else report.lead_vector
    length = math.sqrt(float(np.dot(lead_sum, lead_sum)))
    return float(np.dot(decode_int16(vector), lead_sum)) / (SCALE * length) if length else 0.0
