"""Reads copy groups from memberships, and checks that each is in one story and has one report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from newsloom.contracts.membership import Membership
from services.verifier.current_state import CurrentState
from services.verifier.findings import Findings, Invariant


def copy_groups(members: Iterable[Membership]) -> dict[str, list[Membership]]:
    """Return the articles of each copy group, its report first. All members must be of one edition."""
    groups: defaultdict[str, list[Membership]] = defaultdict(list)
    for member in members:
        groups[member.copy_group or member.copy_of or member.article_id].append(member)
    for group in groups.values():
        group.sort(key=lambda member: (member.copy_of is not None, member.sequence))
    return groups


def check_copy_groups(state: CurrentState, findings: Findings) -> None:
    """Check that no copy group has two reports or articles in two stories."""
    editions: defaultdict[str, list[Membership]] = defaultdict(list)
    for (edition, _), record in state.memberships.items():
        editions[edition].append(record.value)
    for edition, members in editions.items():
        for name, group in copy_groups(members).items():
            _check_group(f"copy group {name} of edition {edition}", group, findings)


def _check_group(name: str, group: Sequence[Membership], findings: Findings) -> None:
    findings.checked[Invariant.MEMBERS] += 1
    reports = [member.article_id for member in group if member.copy_of is None]
    stories = {member.story_id for member in group}
    if len(reports) > 1:
        findings.add(Invariant.MEMBERS, f"{name} has {len(reports)} reports, {reports[0]} and {reports[1]} among them")
    if len(stories) > 1:
        findings.add(Invariant.MEMBERS, f"{name} is in {len(stories)} stories, {' and '.join(sorted(stories)[:2])}")
