"""Which reports say what a sentence says: "k of n outlets say so"."""

from __future__ import annotations

from typing import Final, NamedTuple

from services.digest.core.story_text import UNIT, StoryText

SHARE_MIN: Final = 0.7
"""Share of a sentence's distinctive words that one or two adjacent sentences of a report have, if it says the same.

Cosine is wrong for this: it is as high between two sentences about one subject that say different things.
"""


class Voices(NamedTuple):
    """How many of the story's outlets say so, the one that is quoted included. An article without an outlet is one voice."""

    saying: int
    of: int


def saying_reports(text: StoryText, line: int) -> frozenset[int]:
    """Return the indexes of the reports that say what a line says, its own included."""
    coverage = text.coverage(line)
    saying = {index for index, share in enumerate(coverage.tolist()) if share >= SHARE_MIN * UNIT}
    return frozenset(saying | {text.lines[line].report})


def voices(text: StoryText, reports: frozenset[int]) -> Voices:
    """Count the outlets of these reports, and those of all reports."""
    return Voices(len({text.reports[index].voice for index in reports}), len({one.voice for one in text.reports}))
