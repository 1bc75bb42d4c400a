"""Which report's title a story carries: that of the most typical one."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from newsloom.contracts.membership import Membership
from services.clusterer.core.fixed_point import SCALE, ExactVector, decode_int16
from services.clusterer.core.story import LiveStory

TITLE_GAIN_MIN: Final = 0.01
"""How much more typical of the story a report must be to take over the title. With less, titles would flicker."""


def should_take_title(story: LiveStory, report: Membership, lead_sum: ExactVector) -> bool:
    """Return whether a report that has just joined takes over the title, being more typical of the story.

    `lead_sum` is the sum of the leads of the story's reports, shape (dimension,).
    """
    current = story.members.get(story.title_article_id)
    if current is None or current is report or not current.title:
        return True
    gain = _typicality(report, lead_sum) - _typicality(current, lead_sum)
    return bool(report.title) and gain >= TITLE_GAIN_MIN


def most_typical_report(story: LiveStory, lead_sum: ExactVector) -> Membership:
    """Return the report whose title the story carries after its title's article has left; the earliest one on a tie."""
    reports = story.reports()
    candidates = [report for report in reports if report.title] or reports
    return max(candidates, key=lambda report: (_typicality(report, lead_sum), -report.sequence))


def earliest_report(story: LiveStory) -> Membership:
    """Return the earliest report with a title, for closed stories: their articles have no features to compare."""
    reports = story.reports()
    return next((report for report in reports if report.title), reports[0])


def _typicality(report: Membership, lead_sum: ExactVector) -> float:
    length = math.sqrt(float(np.dot(lead_sum, lead_sum)))
    return float(np.dot(decode_int16(report.lead_vector), lead_sum)) / (SCALE * length) if length else 0.0
