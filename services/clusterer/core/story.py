"""A story while it lives: its members, their sum, and its place in time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
import numpy as np

from newsloom.contracts.membership import Membership
from newsloom.contracts.story import HistoryEntry, StoryState
from services.clusterer.core.fixed_point import VectorSum, cosine, decode_vector, widened

TITLE_GAIN_MIN: Final = 0.01
"""How much nearer to the whole story a report must be to take over the title; less would make titles flicker."""


@dataclass(slots=True)
class LiveStory:
    """Changed only by the engine of its edition. `total` sums the vectors of the reports; copies have no part in it."""

    id: str
    total: VectorSum
    first_published_at: datetime
    last_published_at: datetime
    updated_at: datetime
    state: StoryState = StoryState.OPEN
    version: int = 0
    title: str = ""
    title_article_id: str = ""
    history: tuple[HistoryEntry, ...] = ()
    merged_into: str | None = None
    merged_from: tuple[str, ...] = ()
    split_from: str | None = None
    related: tuple[str, ...] = ()
    members: dict[str, Membership] = field(default_factory=dict)
    published_count: int = 0
    """The article count of the last published version."""
    report_count: int = 0
    outlets: Counter[str] = field(default_factory=Counter)
    leanings: Counter[str] = field(default_factory=Counter)

    @property
    def article_count(self) -> int:
        """How many articles the story has, copies included."""
        return len(self.members)

    @property
    def is_open(self) -> bool:
        """Whether articles may still join."""
        return self.state is StoryState.OPEN

    def add(self, member: Membership) -> None:
        """Take an article in."""
        self.readmit(member)
        if member.copy_of is None and self.is_open:
            self._offer_title(member)

    def readmit(self, member: Membership) -> None:
        """Take an article in as it was before, without a thought for the title: restoring decides nothing again."""
        if not self.members:
            self.first_published_at = self.last_published_at = member.published_at
        self.members[member.article_id] = member
        self.first_published_at = min(self.first_published_at, member.published_at)
        self.last_published_at = max(self.last_published_at, member.published_at)
        self._count(member, 1)
        if member.copy_of is None and self.is_open:
            self.total += widened(decode_vector(member.vector))

    def remove(self, article_id: str) -> Membership:
        """Let an article go; the story's span and title are found anew among those that stay."""
        member = self.members.pop(article_id)
        self._count(member, -1)
        if member.copy_of is None and self.is_open:
            self.total -= widened(decode_vector(member.vector))
        if self.members:
            self.first_published_at = min(other.published_at for other in self.members.values())
            self.last_published_at = max(other.published_at for other in self.members.values())
            if article_id == self.title_article_id:
                self._choose_title()
        return member

    def clear(self, state: StoryState) -> None:
        """End the story as `state`: its articles no longer take part in comparisons, so their features may go."""
        self.state = state
        self.total = empty_total(0)
        for article_id, member in self.members.items():
            self.members[article_id] = msgspec.structs.replace(member, vector=b"", shingles=b"")

    def reports(self) -> list[Membership]:
        """The members that repeat nobody's text, in order of arrival."""
        found = [member for member in self.members.values() if member.copy_of is None]
        return sorted(found, key=lambda member: member.sequence)

    def copies_of(self, article_id: str) -> list[Membership]:
        """The members that repeat this article's text, in order of arrival."""
        found = [member for member in self.members.values() if member.copy_of == article_id]
        return sorted(found, key=lambda member: member.sequence)

    def _count(self, member: Membership, by: int) -> None:
        self.report_count += by if member.copy_of is None else 0
        if member.outlet is not None:
            _add(self.outlets, member.outlet, by)
        if member.leaning is not None:
            _add(self.leanings, member.leaning.value, by)

    def retitle(self, corrected: Membership) -> None:
        """Show a corrected article's new title, if the old one was the story's."""
        if corrected.article_id == self.title_article_id:
            self.title = corrected.title

    def _offer_title(self, report: Membership) -> None:
        current = self.members.get(self.title_article_id)
        if current is not None and current is not report:
            gain = self._typicality(report) - self._typicality(current)
            if current.title and (not report.title or gain < TITLE_GAIN_MIN):
                return
        self.title, self.title_article_id = report.title, report.article_id

    def _choose_title(self) -> None:
        candidates = [report for report in self.reports() if report.title] or self.reports()
        best = max(candidates, key=lambda report: (self._typicality(report), -report.sequence))
        self.title, self.title_article_id = best.title, best.article_id

    def _typicality(self, report: Membership) -> float:
        # A closed story's articles have no vectors any more: the earliest report then speaks for it.
        return cosine(widened(decode_vector(report.vector)), self.total) if report.vector else 0.0


def _add(counter: Counter[str], name: str, by: int) -> None:
    counter[name] += by
    if not counter[name]:
        del counter[name]


def empty_total(dimension: int) -> VectorSum:
    """The sum of no vectors."""
    return np.zeros(dimension, dtype=np.int64)
