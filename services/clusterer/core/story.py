"""A story in memory: its articles, their counts, and what is published of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from newsloom.contracts.command import CommandRef
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import HistoryEntry, StoryState
from services.clusterer.core.label_counts import LabelCounts
from services.clusterer.core.member_order import MemberOrder

NO_SLOT: Final = -1
COUNTED: Final = frozenset({"outlets", "leanings"})
"""Fields that are counted from the members."""


class LiveStory(msgspec.Struct, gc=False):
    """The current state of a story. Only its `EditionState` changes it.

    `slot` is the row of a comparable story in the story space: of an open one, or a closed one that late articles can still join.
    It is `NO_SLOT` otherwise. `arrived_at` is when the latest record arrived that changed the story; it never goes back, though
    the timestamps of records may. Fields that `Story` has too are published and restored under the same name. An article joins or
    leaves without a look at the others: the story may have any number of them. `gc=False`: neither a story nor its members can be
    part of a reference cycle, so the garbage collector need not scan them.
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
    order: MemberOrder = msgspec.field(default_factory=MemberOrder)
    outlets: LabelCounts = msgspec.field(default_factory=LabelCounts)
    leanings: LabelCounts = msgspec.field(default_factory=LabelCounts)

    @property
    def article_count(self) -> int:
        """Return the number of articles, copies included."""
        return len(self.members)

    @property
    def report_count(self) -> int:
        """Return the number of articles that are not copies."""
        return len(self.order.reports)

    @property
    def last_sequence(self) -> int:
        """Return the highest sequence number of the articles; -1 if there is none."""
        return self.members[self.order.arrived[-1]].sequence if self.members else -1

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
        """Add an article."""
        self.members[member.article_id] = member
        self.order.add(member, self.members)
        self._count(member, 1)
        self._set_time_span()

    def remove(self, article_id: str) -> Membership:
        """Remove an article."""
        self.order.remove(self.members[article_id], self.members)
        member = self.members.pop(article_id)
        self._count(member, -1)
        self._set_time_span()
        return member

    def remove_all(self) -> None:
        """Remove all articles; the time span stays."""
        self.members.clear()
        self.order.clear()
        self.outlets.clear()
        self.leanings.clear()

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
        return [self.members[article_id] for article_id in self.order.reports]

    def first_report(self) -> Membership:
        """Return the report that arrived first."""
        return self.members[self.order.reports[0]]

    def latest(self, limit: int) -> list[Membership]:
        """Return up to `limit` members, those published last, newest first."""
        return [self.members[article_id] for article_id in reversed(self.order.published[-limit:])]

    def latest_reports(self, limit: int) -> list[Membership]:
        """Return up to `limit` reports, those that arrived last, the latest first."""
        return [self.members[article_id] for article_id in reversed(self.order.reports[-limit:])]

    def latest_of_outlet(self, outlet: str | None, limit: int) -> list[Membership]:
        """Return up to `limit` articles of an outlet, those published last; none without an outlet."""
        if outlet is None:
            return []
        return [self.members[article_id] for article_id in self.order.outlets.get(outlet, [])[-limit:]]

    def _set_time_span(self) -> None:
        if self.members:
            first, last = self.order.published[0], self.order.published[-1]
            self.first_published_at = self.members[first].published_at
            self.last_published_at = self.members[last].published_at

    def _count(self, member: Membership, by: int) -> None:
        if member.outlet is not None:
            self.outlets.add(member.outlet, by)
        if member.leaning is not None:
            self.leanings.add(member.leaning.value, by)


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
