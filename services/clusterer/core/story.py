"""A story while it lives: its members, their sum, and its place in time."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from newsloom.contracts.command import CommandRef
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import HistoryEntry, StoryState

TITLE_GAIN_MIN: Final = 0.01
"""How much more typical of the story a report must be to take over the title; less would make titles flicker."""

NO_SLOT: Final = -1


class LiveStory(msgspec.Struct, gc=False):
    """Changed only by its edition. `slot` is the open story's place in the story space.

    Neither it nor its members can be part of a reference cycle, so the garbage collector need not walk them (`gc=False`).
    """

    id: str
    slot: int
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
    split_into: tuple[str, ...] = ()
    kept_apart: tuple[str, ...] = ()
    pinned: CommandRef | None = None
    related: tuple[str, ...] = ()
    members: dict[str, Membership] = {}
    published_count: int = 0
    """The article count of the last published version."""
    report_count: int = 0
    outlets: dict[str, int] = {}
    leanings: dict[str, int] = {}

    @property
    def article_count(self) -> int:
        """How many articles the story has, copies included."""
        return len(self.members)

    @property
    def is_open(self) -> bool:
        """Whether articles may still join."""
        return self.state is StoryState.OPEN

    def seniority(self) -> tuple[int, datetime, str]:
        """What orders the stories of a merge: the larger first; of two as large, the older."""
        return -self.article_count, self.first_published_at, self.id

    def add(self, member: Membership) -> None:
        """Take an article in."""
        if not self.members:
            self.first_published_at = self.last_published_at = member.published_at
        self.members[member.article_id] = member
        self.first_published_at = min(self.first_published_at, member.published_at)
        self.last_published_at = max(self.last_published_at, member.published_at)
        self._count(member, 1)

    def remove(self, article_id: str) -> Membership:
        """Let an article go; the story's span is found anew among those that stay."""
        member = self.members.pop(article_id)
        self._count(member, -1)
        if self.members:
            self.first_published_at = min(other.published_at for other in self.members.values())
            self.last_published_at = max(other.published_at for other in self.members.values())
        return member

    def empty(self) -> None:
        """Let all articles go at once, to another story."""
        self.members.clear()
        self.outlets.clear()
        self.leanings.clear()
        self.report_count = 0

    def clear(self, state: StoryState) -> None:
        """End the story as `state`: its articles no longer take part in comparisons, so their features may go."""
        self.state = state
        self.slot = NO_SLOT
        for article_id, member in self.members.items():
            self.members[article_id] = without_features(member)

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


def _add(counts: dict[str, int], name: str, by: int) -> None:
    counts[name] = counts.get(name, 0) + by
    if not counts[name]:
        del counts[name]


def without_features(member: Membership) -> Membership:
    """The membership as a story keeps it that takes part in no comparison any more."""
    return msgspec.structs.replace(member, shingles=b"", title_vector=b"", lead_vector=b"", terms=b"", term_weights=b"")
