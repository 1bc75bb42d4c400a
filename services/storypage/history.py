"""The history of a story as its readers see it: how many articles it had, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsloom.contracts.story import HistoryEntry
from services.storypage.wording import change_of, count, when


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One published number of articles: `2 h ago: 13 articles`, and what else changed."""

    at: datetime
    ago: str
    articles: str
    change: str
    version: int


def history_lines(history: Sequence[HistoryEntry], now: datetime) -> list[HistoryLine]:
    """Return a line for each entry, newest first."""
    lines = []
    previous: HistoryEntry | None = None
    for entry in history:
        articles = count(entry.article_count, "article")
        lines.append(HistoryLine(entry.at, when(entry.at, now), articles, change_of(entry, previous), entry.version))
        previous = entry
    return lines[::-1]
