"""Recognize articles that say nothing of an event: a rubric such as "Live updates" without a text."""

from __future__ import annotations

from typing import Final

from services.clusterer.core.evidence import LEAD, TITLE, Evidence
from services.clusterer.core.indexes import Indexes

WORDS_MIN: Final = 4
"""A shorter title without a name or number may be of anything."""


def says_nothing(title: str, evidence: Evidence, indexes: Indexes) -> bool:
    """Return whether an article has no text, and a title that recurs over stories or that is short and names nothing."""
    words = evidence.at(TITLE).size
    if not words or evidence.at(LEAD).size:
        return False
    is_short = words < WORDS_MIN and not indexes.statistics.names(evidence, TITLE).size
    return is_short or not indexes.titles.is_telling(title)
