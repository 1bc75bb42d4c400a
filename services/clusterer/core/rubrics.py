"""Recognize articles that say nothing of an event: a rubric such as "Live updates" without a text."""

from __future__ import annotations

from typing import Final

from services.clusterer.core.evidence import TITLE, Evidence
from services.clusterer.core.indexes import Indexes

WORDS_MIN: Final = 4
"""A shorter title without a name or number may be of anything."""


def says_nothing(title: str, words: int, evidence: Evidence, indexes: Indexes) -> bool:
    """Return whether an article has no `words` of text, and a title that recurs over stories or is short and names nothing."""
    if words or not evidence.stems.size:
        return False
    is_short = evidence.at(TITLE).size < WORDS_MIN and not indexes.statistics.names(evidence, TITLE).size
    return is_short or not indexes.titles.is_telling(title)
