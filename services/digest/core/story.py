"""A story as a digest is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from newsloom.contracts.article import Leaning
from newsloom.contracts.sentences import Sentence
from newsloom.contracts.story import HistoryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An article of the story with its usable sentences in the order of its text. A copy names its report in `copy_of`."""

    article_id: str
    title: str
    published_at: datetime
    outlet: str | None = None
    leaning: Leaning | None = None
    url: str | None = None
    copy_of: str | None = None
    sentences: tuple[Sentence, ...] = ()

    @property
    def voice(self) -> tuple[str, str]:
        """Return what counts as one voice: the outlet or, without one, the article."""
        return ("outlet", self.outlet.casefold()) if self.outlet else ("article", self.article_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestStory:
    """A story with all its articles, in any order, and the published changes of its article count, oldest first."""

    story_id: str
    title: str
    reports: tuple[Report, ...]
    history: tuple[HistoryEntry, ...] = ()
