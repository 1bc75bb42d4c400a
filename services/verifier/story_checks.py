"""Checks stories against their updates, their articles and one another."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from newsloom.contracts.limits import json_size_bytes
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import (
    LINEAGE_MAX,
    OUTLETS_BYTES_MAX,
    OUTLETS_MAX,
    HistoryEntry,
    Story,
    StoryState,
    StoryUpdate,
)
from services.verifier.copy_checks import copy_groups
from services.verifier.current_state import CurrentState
from services.verifier.findings import Findings, Invariant
from services.verifier.story_replay import history_title

COMMON_FIELDS: Final = tuple(name for name in StoryUpdate.__struct_fields__ if name in Story.__struct_fields__)
"""Fields that must be equal in a story and its last update."""


def check_stories(state: CurrentState, findings: Findings) -> None:
    """Check every story that exists, and report stories that are missing and articles whose story is missing."""
    for story_id, (position, story, *_) in state.stories.items():
        name = f"story {story_id} ({position})"
        _check_updates(name, story, state, findings)
        _check_members(name, story, [member.value for member in state.members[story_id]], findings)
        _check_lineage(name, story, state, findings)
        _check_kept_apart(name, story, state, findings)
    for story_id, replayed in state.replayed.items():
        if story_id not in state.stories and not state.may_be_forgotten(story_id):
            findings.add(
                Invariant.STORIES,
                f"story {story_id} does not exist: it was lost, or forgotten too early (its last update: version "
                f"{replayed.last.version}, {replayed.last.state.value})",
            )
    for story_id, members in state.members.items():
        if story_id not in state.stories:
            name = f"article {members[0].value.article_id} ({members[0].position})"
            findings.add(Invariant.MEMBERS, f"{name} is in story {story_id}, which does not exist")


def _check_updates(name: str, story: Story, state: CurrentState, findings: Findings) -> None:
    findings.checked[Invariant.STORIES] += 1
    replayed = state.replayed.get(story.id)
    if replayed is None:
        if not state.updates_truncated:
            findings.add(Invariant.STORIES, f"{name} has no updates")
        return
    for attribute in COMMON_FIELDS:
        expected, found = getattr(replayed.last, attribute), getattr(story, attribute)
        findings.expect(Invariant.STORIES, f"{name}: {attribute}", expected, found)
    findings.expect(Invariant.STORIES, f"{name}: updated_at", replayed.last.at, story.updated_at)
    if replayed.first.version == 1:
        expected_history, history = tuple(replayed.history), _with_current_titles(story.history)
        findings.expect(Invariant.STORIES, f"{name}: history", expected_history, history)


def _with_current_titles(history: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, ...]:
    # Earlier versions of newsloom truncated titles by characters only.
    return tuple(msgspec.structs.replace(entry, title=history_title(entry.title)) for entry in history)


def _check_members(name: str, story: Story, members: list[Membership], findings: Findings) -> None:
    findings.checked[Invariant.MEMBERS] += 1

    def expect(what: str, expected: object, found: object) -> None:
        findings.expect(Invariant.MEMBERS, f"{name}: {what}", expected, found)

    outlets = Counter(member.outlet for member in members if member.outlet is not None)
    latest = sorted(members, key=lambda member: (member.published_at, member.sequence), reverse=True)
    listed = latest[: len(story.articles)]
    groups = copy_groups(members)
    titles = {report.article_id: report.title for report, *_ in groups.values()}
    original = {copy.article_id: report.article_id for report, *copies in groups.values() for copy in copies}
    expect("article_count", len(members), story.article_count)
    expect("report_count", len(groups), story.report_count)
    expect("outlet_count", len(outlets), story.outlet_count)
    expect(
        "counts in outlets",
        sorted(outlets.values(), reverse=True)[: _expected_outlets(outlets, story)],
        sorted(story.outlets.values(), reverse=True),
    )
    expect("outlets", {outlet: outlets[outlet] for outlet in story.outlets}, story.outlets)
    expect("leanings", dict(Counter(member.leaning.value for member in members if member.leaning)), story.leanings)
    expect("ids in articles", [member.article_id for member in listed], [ref.id for ref in story.articles])
    expect(
        "copies in articles",
        [original.get(member.article_id) for member in listed],
        [ref.copy_of for ref in story.articles],
    )
    expect("articles_omitted", len(members) - len(story.articles), story.articles_omitted)
    if members:
        expect("first_published_at", latest[-1].published_at, story.first_published_at)
        expect("last_published_at", latest[0].published_at, story.last_published_at)
        title = titles.get(story.title_article_id)
        # Rubrics are cut from the ends of a title.
        expect("title", title, title if title and story.title and story.title in title else story.title)


def _expected_outlets(outlets: Counter[str], story: Story) -> int:
    """Return how many outlets the story must list: all, up to the limits of count and bytes."""
    most = min(len(outlets), OUTLETS_MAX)
    listed = len(story.outlets)
    longest = max(map(json_size_bytes, outlets), default=0)
    return listed if listed < most and sum(map(json_size_bytes, story.outlets)) + longest > OUTLETS_BYTES_MAX else most


def _check_lineage(name: str, story: Story, state: CurrentState, findings: Findings) -> None:
    """Check that both sides of each merge and split name each other. The other side may be forgotten, unless it is a survivor."""
    findings.checked[Invariant.LINEAGE] += 1
    if (story.state is StoryState.MERGED) != (story.merged_into is not None):
        findings.add(Invariant.LINEAGE, f"{name} has the state {story.state.value} and merged_into {story.merged_into}")
    if story.merged_into is not None and not _lists(state, story.merged_into, story.id, "merged_from"):
        _add_one_sided(name, "merged_into", story.merged_into, state, findings)
    for absorbed in story.merged_from:
        if not state.may_be_forgotten(absorbed) and not _refers(state, absorbed, story.id, "merged_into"):
            _add_one_sided(name, "merged_from", absorbed, state, findings)
    origin = story.split_from
    if origin is not None and not state.may_be_forgotten(origin) and not _lists(state, origin, story.id, "split_into"):
        _add_one_sided(name, "split_from", origin, state, findings)
    for part in story.split_into:
        if not state.may_be_forgotten(part) and not _refers(state, part, story.id, "split_from"):
            _add_one_sided(name, "split_into", part, state, findings)


def _lists(state: CurrentState, other: str, story_id: str, attribute: str) -> bool:
    """Return whether the other story exists and lists this one, or its list is full: then the oldest ids were dropped."""
    record = state.stories.get(other)
    ids: tuple[str, ...] = getattr(record.value, attribute) if record is not None else ()
    return story_id in ids or len(ids) == LINEAGE_MAX


def _refers(state: CurrentState, other: str, story_id: str, attribute: str) -> bool:
    record = state.stories.get(other)
    return record is not None and getattr(record.value, attribute) == story_id


def _add_one_sided(name: str, attribute: str, other: str, state: CurrentState, findings: Findings) -> None:
    reason = "does not refer back" if other in state.stories else "does not exist"
    findings.add(Invariant.LINEAGE, f"{name} has {attribute} {other}, which {reason}")


def _check_kept_apart(name: str, story: Story, state: CurrentState, findings: Findings) -> None:
    """Check that open stories that are kept apart name each other."""
    for other in story.kept_apart if story.state is StoryState.OPEN else ():
        record = state.stories.get(other)
        is_open = record is not None and record.value.state is StoryState.OPEN
        if (record is None and not state.may_be_forgotten(other)) or (
            is_open and not _lists(state, other, story.id, "kept_apart")
        ):
            _add_one_sided(name, "kept_apart", other, state, findings)
