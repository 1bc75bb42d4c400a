"""A story in memory: its articles, their counts, and what is published of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from newsloom.contracts.command import CommandRef
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import HistoryEntry, StoryState

NO_SLOT: Final = -1
COUNTED: Final = frozenset({"report_count", "outlets", "leanings"})
"""Fields that are counted from the members."""


class LiveStory(msgspec.Struct, gc=False):
    """The current state of a story. Only its `EditionState` changes it.

    `slot` is the row of a comparable story in the story space: of an open one, or a closed one that late articles can still join.
    It is `NO_SLOT` otherwise. `last_sequence` is the highest sequence number of its articles. `arrived_at` is when the latest
    record arrived that changed the story; it never goes back, though the timestamps of records may. Fields that `Story` has too
    are published and restored under the same name. `gc=False`: neither a story nor its members can be part of a reference cycle,
    so the garbage collector need not scan them.
    """

    id: str
    slot: int
    first_published_at: datetime
    last_published_at: datetime
    updated_at: datetime
    arrived_at: datetime
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
    last_sequence: int = -1
    report_count: int = 0
    outlets: dict[str, int] = {}
    leanings: dict[str, int] = {}

    @property
    def article_count(self) -> int:
        """Return the number of articles, copies included."""
        return len(self.members)

    @property
    def is_open(self) -> bool:
        """Return whether articles of the present may join."""
        return self.state is StoryState.OPEN

    @property
    def is_comparable(self) -> bool:
        """Return whether articles are compared with the story: those of its own time, if it has closed."""
        return self.slot != NO_SLOT

    @property
    def changed_at(self) -> datetime:
        """Return the time from which a closed story is kept: a record older than the news it brings has a wrong timestamp."""
        return max(self.arrived_at, self.updated_at)

    def is_within(self, window: timedelta, moment: datetime) -> bool:
        """Return whether the moment is at most a window before or after the story's articles."""
        return self.first_published_at - window <= moment <= self.last_published_at + window

    def seniority(self) -> tuple[int, datetime, str]:
        """Return the sort key for a merge: the larger story first, the older one on a tie."""
        return -self.article_count, self.first_published_at, self.id

    def add(self, member: Membership) -> None:
        """Add an article and extend the story's time span."""
        if not self.members:
            self.first_published_at = self.last_published_at = member.published_at
        self.members[member.article_id] = member
        self.first_published_at = min(self.first_published_at, member.published_at)
        self.last_published_at = max(self.last_published_at, member.published_at)
        self.last_sequence = max(self.last_sequence, member.sequence)
        self._count(member, 1)

    def remove(self, article_id: str) -> Membership:
        """Remove an article and compute the time span of the remaining ones."""
        member = self.members.pop(article_id)
        self._count(member, -1)
        if self.members:
            self.first_published_at = min(other.published_at for other in self.members.values())
            self.last_published_at = max(other.published_at for other in self.members.values())
        self.last_sequence = max((other.sequence for other in self.members.values()), default=-1)
        return member

    def remove_all(self) -> None:
        """Remove all articles; the time span stays."""
        self.members.clear()
        self.outlets.clear()
        self.leanings.clear()
        self.report_count = 0
        self.last_sequence = -1

    def close_as(self, state: StoryState) -> None:
        """Set `closed` or `merged`."""
        self.state = state

    def drop_features(self) -> None:
        """Give up the slot and the features of the articles: they are no longer compared."""
        self.slot = NO_SLOT
        for article_id, member in self.members.items():
            self.members[article_id] = without_features(member)

    def set_title(self, report: Membership, title: str) -> None:
        """Carry `title`, which is the title of this report or a part of it."""
        self.title, self.title_article_id = title, report.article_id

    def reports(self) -> list[Membership]:
        """Return the members that are not copies, in order of arrival."""
        found = [member for member in self.members.values() if member.copy_of is None]
        return sorted(found, key=lambda member: member.sequence)

    def copies_of(self, article_id: str) -> list[Membership]:
        """Return the copies of this article, in order of arrival."""
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


def last_activity(story: LiveStory) -> datetime:
    """Return the event time from which the story is silent: its latest article's date, or its arrival if that was later.

    The latest entry of the history has the watermark of the latest change of the count.
    """
    return max([story.last_published_at, *(entry.at for entry in story.history[-1:])])


def founded_at(story: LiveStory) -> datetime:
    """Return the watermark at which the story was founded."""
    return story.history[0].at if story.history else story.updated_at


def has_features(member: Membership) -> bool:
    """Return whether the membership has its features."""
    return bool(member.lead_vector)


def without_features(member: Membership) -> Membership:
    """Return the membership without its features, as stories store it that are no longer comparable."""
    return msgspec.structs.replace(
        member, shingles=b"", title_vector=b"", lead_vector=b"", terms=b"", term_weights=b"", stems=b"", stem_marks=b""
    )
