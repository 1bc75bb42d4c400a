"""The articles of a story in order of publication and of arrival."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

import msgspec

from newsloom.contracts.membership import Membership

Members = Mapping[str, Membership]


class MemberOrder(msgspec.Struct, gc=False):
    """Article ids: `published` by date, `arrived` and `reports` by sequence number, all ascending. `reports` has no copies.

    An article is found by bisection. A list moves eight bytes for each later article, which is faster than any tree up to
    millions of articles.
    """

    published: list[str] = []
    arrived: list[str] = []
    reports: list[str] = []

    def add(self, member: Membership, members: Members) -> None:
        """Add an article, which is among the story's `members` already."""
        insort(self.published, member.article_id, key=partial(_by_date, members))
        for ids in self._by_arrival(member):
            insort(ids, member.article_id, key=partial(_by_sequence, members))

    def remove(self, member: Membership, members: Members) -> None:
        """Remove an article, which is still among the story's `members`."""
        _remove(self.published, member, partial(_by_date, members))
        for ids in self._by_arrival(member):
            _remove(ids, member, partial(_by_sequence, members))

    def clear(self) -> None:
        """Remove all articles."""
        for ids in (self.published, self.arrived, self.reports):
            ids.clear()

    def _by_arrival(self, member: Membership) -> tuple[list[str], ...]:
        return (self.arrived,) if member.copy_of is not None else (self.arrived, self.reports)


def _remove(ids: list[str], member: Membership, key: Callable[[str], tuple[datetime | int | str, ...]]) -> None:
    del ids[bisect_left(ids, key(member.article_id), key=key)]


def _by_date(members: Members, article_id: str) -> tuple[datetime, int, str]:
    member = members[article_id]
    return member.published_at, member.sequence, article_id


def _by_sequence(members: Members, article_id: str) -> tuple[int, str]:
    return members[article_id].sequence, article_id
