"""Stories, beside their updates, their articles and one another."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from newsloom.contracts.limits import json_size_bytes
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import LINEAGE_MAX, OUTLETS_BYTES_MAX, OUTLETS_MAX, HistoryEntry, Story, StoryState
from services.verifier.current_state import Standing
from services.verifier.findings import Findings, Invariant
from services.verifier.story_replay import listed_title

ALIKE: Final = (
    "version", "state", "title", "article_count", "report_count", "outlet_count", "outlets", "leanings", "merged_into",
    "merged_from", "split_from", "split_into", "kept_apart", "pinned", "related", "edition",
)  # fmt: skip
"""What the last update and the story say in the same words."""


def check_stories(standing: Standing, findings: Findings) -> None:
    """Every story that stands, and every one that does not."""
    for story_id, (place, story, _) in standing.stories.items():
        name = f"story {story_id} ({place})"
        _check_updates(name, story, standing, findings)
        _check_members(name, story, [one.value for one in standing.members[story_id]], findings)
        _check_lineage(name, story, standing, findings)
        _check_apart(name, story, standing, findings)
    for story_id, account in standing.accounts.items():
        if story_id not in standing.stories and not standing.forgotten(story_id):
            findings.broken(
                Invariant.STORIES,
                f"story {story_id} does not stand, after version {account.last.version} left it {account.last.state.value}: "
                "it is lost, or was forgotten before its time",
            )
    for story_id, members in standing.members.items():
        if story_id not in standing.stories:
            named = f"article {members[0].value.article_id} ({members[0].place})"
            findings.broken(Invariant.MEMBERS, f"{named} is in story {story_id}, which does not stand")


def _check_updates(name: str, story: Story, standing: Standing, findings: Findings) -> None:
    findings.examined[Invariant.STORIES] += 1
    account = standing.accounts.get(story.id)
    if account is None:
        if not standing.cut:
            findings.broken(Invariant.STORIES, f"{name} has no updates")
        return
    for attribute in ALIKE:
        found = getattr(story, attribute)
        findings.same(Invariant.STORIES, f"{name}: {attribute}", getattr(account.last, attribute), found)
    findings.same(Invariant.STORIES, f"{name}: updated_at", account.last.at, story.updated_at)
    if account.first.version == 1:
        findings.same(Invariant.STORIES, f"{name}: history", tuple(account.history), _listed(story.history))


def _listed(history: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, ...]:
    # Earlier versions cut titles at characters alone.
    return tuple(msgspec.structs.replace(entry, title=listed_title(entry.title)) for entry in history)


def _check_members(name: str, story: Story, members: list[Membership], findings: Findings) -> None:
    findings.examined[Invariant.MEMBERS] += 1

    def same(what: str, expected: object, found: object) -> None:
        findings.same(Invariant.MEMBERS, f"{name}: {what}", expected, found)

    outlets = Counter(member.outlet for member in members if member.outlet is not None)
    latest = sorted(members, key=lambda member: (member.published_at, member.sequence), reverse=True)
    listed = latest[: len(story.articles)]
    same("articles", len(members), story.article_count)
    same("reports", sum(member.copy_of is None for member in members), story.report_count)
    same("number of outlets", len(outlets), story.outlet_count)
    named = _outlets_named(outlets, story)
    same(
        "counts of outlets",
        sorted(outlets.values(), reverse=True)[:named],
        sorted(story.outlets.values(), reverse=True),
    )
    same("outlets", {outlet: outlets[outlet] for outlet in story.outlets}, story.outlets)
    same("leanings", dict(Counter(member.leaning.value for member in members if member.leaning)), story.leanings)
    same("articles listed", [member.article_id for member in listed], [ref.id for ref in story.articles])
    same("copies listed", [member.copy_of for member in listed], [ref.copy_of for ref in story.articles])
    same("articles omitted", len(members) - len(story.articles), story.articles_omitted)
    if members:
        same("first published", latest[-1].published_at, story.first_published_at)
        same("last published", latest[0].published_at, story.last_published_at)
        titles = {member.article_id: member.title for member in members if member.copy_of is None}
        same("title", titles.get(story.title_article_id), story.title)
    reports = {member.article_id for member in members if member.copy_of is None}
    for member in members:
        if member.copy_of is not None and member.copy_of not in reports:
            findings.broken(
                Invariant.MEMBERS,
                f"{name}: {member.article_id} repeats {member.copy_of}, which is no report of the story",
            )


def _outlets_named(outlets: Counter[str], story: Story) -> int:
    """How many of its outlets a story must name: fewer than there are only where the names of more would take too much room."""
    most = min(len(outlets), OUTLETS_MAX)
    named = len(story.outlets)
    longest = max(map(json_size_bytes, outlets), default=0)
    return named if named < most and sum(map(json_size_bytes, story.outlets)) + longest > OUTLETS_BYTES_MAX else most


def _check_lineage(name: str, story: Story, standing: Standing, findings: Findings) -> None:
    """A merge and a split are told on both sides. What is over may be forgotten, but no survivor before its pointers."""
    findings.examined[Invariant.LINEAGE] += 1
    if (story.state is StoryState.MERGED) != (story.merged_into is not None):
        findings.broken(Invariant.LINEAGE, f"{name} is {story.state.value}, and merged into {story.merged_into}")
    if story.merged_into is not None and not _lists(standing, story.merged_into, story.id, "merged_from"):
        _broken(name, "went into", story.merged_into, standing, findings)
    for absorbed in story.merged_from:
        if not standing.forgotten(absorbed) and not _points(standing, absorbed, story.id, "merged_into"):
            _broken(name, "has taken in", absorbed, standing, findings)
    origin = story.split_from
    if origin is not None and not standing.forgotten(origin) and not _lists(standing, origin, story.id, "split_into"):
        _broken(name, "was split from", origin, standing, findings)
    for part in story.split_into:
        if not standing.forgotten(part) and not _points(standing, part, story.id, "split_from"):
            _broken(name, "was split into", part, standing, findings)


def _lists(standing: Standing, other: str, story_id: str, attribute: str) -> bool:
    """Whether the other story stands and names this one. A list that is full has let its oldest names go."""
    stood = standing.stories.get(other)
    names: tuple[str, ...] = getattr(stood.value, attribute) if stood is not None else ()
    return story_id in names or len(names) == LINEAGE_MAX


def _points(standing: Standing, other: str, story_id: str, attribute: str) -> bool:
    stood = standing.stories.get(other)
    return stood is not None and getattr(stood.value, attribute) == story_id


def _broken(name: str, what: str, other: str, standing: Standing, findings: Findings) -> None:
    ignores = "does not know it" if other in standing.stories else "does not stand"
    findings.broken(Invariant.LINEAGE, f"{name} {what} {other}, which {ignores}")


def _check_apart(name: str, story: Story, standing: Standing, findings: Findings) -> None:
    """Open stories that are kept apart name each other."""
    for other in story.kept_apart if story.state is StoryState.OPEN else ():
        stood = standing.stories.get(other)
        is_open = stood is not None and stood.value.state is StoryState.OPEN
        if (stood is None and not standing.forgotten(other)) or (
            is_open and not _lists(standing, other, story.id, "kept_apart")
        ):
            _broken(name, "is kept apart from", other, standing, findings)
