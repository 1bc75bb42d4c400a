"""Reconstruct how stories were merged and split, as far as stories and memberships still record it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from newsloom.contracts.command import CommandKind
from newsloom.contracts.membership import Candidate, Membership, MergeDecision, Verdict
from newsloom.contracts.story import Story


class Merge(NamedTuple):
    """The merge of one story into another. An article records only its latest merge, so `decision` may be lost (None)."""

    from_id: str
    into_id: str
    decision: MergeDecision | None


def merge_chain(story_id: str, stories: Mapping[str, Story]) -> list[str]:
    """Return the story's id, the id of the story it was merged into, the id of the one that was merged into, and so on."""
    chain = [story_id]
    while (story := stories.get(chain[-1])) is not None and story.merged_into not in {None, *chain}:
        assert story.merged_into is not None  # noqa: S101 - for the type checker
        chain.append(story.merged_into)
    return chain


def chosen_candidate(member: Membership, stories: Mapping[str, Story]) -> Candidate | None:
    """Return the candidate that the article joined or stayed in; None if there was none or it was not recorded."""
    decision = member.decision
    if decision.verdict is Verdict.JOINED:
        return next(iter(decision.candidates), None)
    if decision.verdict is not Verdict.KEPT:
        return None
    story_id = member.story_id if member.merge is None else member.merge.from_story_id
    chosen = (candidate for candidate in decision.candidates if story_id in merge_chain(candidate.story_id, stories))
    return next(chosen, None)


def merges_of_article(member: Membership, stories: Mapping[str, Story]) -> list[Merge]:
    """Return the merges of the article's story since the article's decision, earliest first."""
    if member.merge is None:
        return []
    last = Merge(member.merge.from_story_id, member.story_id, member.merge)
    chosen = chosen_candidate(member, stories)
    chain = merge_chain(chosen.story_id, stories) if chosen is not None else []
    if last.from_id not in chain:
        return [last]
    chain = chain[: chain.index(last.from_id) + 1]
    return [*(Merge(*pair, None) for pair in pairwise(chain)), last]


def merges_into(story: Story, members: Iterable[Membership], stories: Mapping[str, Story]) -> list[Merge]:
    """Return the merge that ended the story, if any, then those into it: latest first, each followed by its predecessors."""
    decisions = {member.merge.from_story_id: member.merge for member in members if member.merge is not None}
    found: dict[str, Merge] = {}
    if story.merged_into is not None:
        found[story.id] = Merge(story.id, story.merged_into, decisions.get(story.id))
    pending = [story]
    while pending:
        into = pending.pop()
        for from_id in reversed(into.merged_from):
            if from_id not in found:
                found[from_id] = Merge(from_id, into.id, decisions.get(from_id))
                if from_id in stories:
                    pending.append(stories[from_id])
    return list(found.values())


def members_split_off(story: Story, memberships: Iterable[Membership]) -> Iterator[Membership]:
    """Yield the articles that splits took out of the story and that are still in the story they were moved to."""
    for member in memberships:
        command = member.placed_by
        if member.story_id in story.split_into and command is not None and command.kind is CommandKind.SPLIT:
            yield member
