"""The copy groups of an edition: each report that has copies, with its copies.

A copy names its group, and not its report, so that a report can leave without any record of its copies.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Container, Sequence

import msgspec

from newsloom.contracts.membership import Membership, report_ids


class _CopyGroup(msgspec.Struct, gc=False):
    """The id of the report, and the sequence numbers and ids of its copies in order of arrival."""

    report_id: str | None = None
    copies: list[tuple[int, str]] = []


class CopyGroups:
    """The copy groups by name. A group is named after its first report unless another group has that name.

    A report without copies whose group has its own id as its name is not listed.
    """

    def __init__(self) -> None:
        self._groups: dict[str, _CopyGroup] = {}

    def unused_name(self, article_id: str, articles: Container[str]) -> str:
        """Return the name of a new group of this report. The other `articles` may still need theirs."""
        name, number = article_id, 1
        while name in self._groups or (number > 1 and name in articles):
            number += 1
            name = f"{article_id}#{number}"
        return name

    def add(self, member: Membership) -> None:
        """Add a copy to its group, or a report; a report replaces the one that its group had."""
        if member.copy_of is not None:
            group = self._groups.setdefault(member.group, _CopyGroup(report_id=member.group))
            insort(group.copies, (member.sequence, member.article_id))
        elif member.copy_group is not None or member.group in self._groups:
            self._groups.setdefault(member.group, _CopyGroup()).report_id = member.article_id

    def remove(self, member: Membership) -> None:
        """Remove an article from its group. A report with copies must have been replaced before."""
        group = self._groups.get(member.group)
        if group is None:
            return
        if member.copy_of is not None:
            del group.copies[bisect_left(group.copies, (member.sequence, member.article_id))]
        elif group.report_id == member.article_id:
            group.report_id = None
        if not group.copies and group.report_id in {None, member.group}:
            del self._groups[member.group]

    def report_id(self, member: Membership) -> str | None:
        """Return the id of the report that an article is a copy of now; None if it is a report itself."""
        return self._groups[member.group].report_id if member.copy_of is not None else None

    def copies(self, member: Membership) -> Sequence[str]:
        """Return the ids of the copies in the article's group, in order of arrival."""
        group = self._groups.get(member.group)
        return [article_id for _, article_id in group.copies] if group is not None else []

    def first_copy(self, report: Membership) -> str | None:
        """Return the id of the copy that replaces the report when it leaves: the first one; None if there is none."""
        group = self._groups.get(report.group)
        return group.copies[0][1] if group is not None and report.copy_of is None and group.copies else None


def in_group(member: Membership, group: str) -> Membership:
    """Return the membership in this group, whose name is left out where it follows from the other fields."""
    copy_group = None if group == (member.copy_of or member.article_id) else group
    return member if member.copy_group == copy_group else msgspec.structs.replace(member, copy_group=copy_group)


def as_report(copy: Membership) -> Membership:
    """Return the membership of a copy after it has become the report of its group."""
    return in_group(msgspec.structs.replace(copy, copy_of=None), copy.group)


def with_reports(members: Sequence[Membership]) -> list[Membership]:
    """Return the published memberships with a report in each group: a copy that became one was not written again."""
    reports = set(report_ids(members).values())
    return [
        as_report(member) if member.copy_of is not None and member.article_id in reports else member
        for member in members
    ]
