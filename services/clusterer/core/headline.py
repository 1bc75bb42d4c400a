"""Which report's title a story carries: the most typical one's."""

from __future__ import annotations

import math

import numpy as np

from newsloom.contracts.membership import Membership
from services.clusterer.core.fixed_point import SCALE, ExactVector, decode_int16
from services.clusterer.core.story import TITLE_GAIN_MIN, LiveStory


def offer_title(story: LiveStory, report: Membership, lead_sum: ExactVector) -> None:
    """Let a report that has just joined take over the title, if it is more typical of the story.

    `lead_sum` is the story's sum over the lead voice, shape (dimension,).
    """
    current = story.members.get(story.title_article_id)
    if current is not None and current is not report and current.title:
        gain = _typicality(report, lead_sum) - _typicality(current, lead_sum)
        if not report.title or gain < TITLE_GAIN_MIN:
            return
    _take_title(story, report)


def choose_title(story: LiveStory, lead_sum: ExactVector) -> None:
    """Find the title anew, after its article has left; the earliest report's on a tie."""
    reports = story.reports()
    candidates = [report for report in reports if report.title] or reports
    _take_title(story, max(candidates, key=lambda report: (_typicality(report, lead_sum), -report.sequence)))


def earliest_title(story: LiveStory) -> None:
    """Find the title of a closed story anew, whose articles are no longer compared."""
    reports = story.reports()
    _take_title(story, next((report for report in reports if report.title), reports[0]))


def _take_title(story: LiveStory, report: Membership) -> None:
    story.title, story.title_article_id = report.title, report.article_id


def _typicality(report: Membership, lead_sum: ExactVector) -> float:
    length = math.sqrt(float(np.dot(lead_sum, lead_sum)))
    return float(np.dot(decode_int16(report.lead_vector), lead_sum)) / (SCALE * length) if length else 0.0
