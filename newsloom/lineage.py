"""How stories became one another, as far as stories and memberships still tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from newsloom.contracts.command import CommandKind
from newsloom.contracts.membership import Candidate, Membership, MergeDecision, Verdict
from newsloom.contracts.story import Story


class Merge(NamedTuple):
    """One story became part of another. An article keeps only its latest merge, so that `decision` may be gone."""

    from_id: str
    into_id: str
    decision: MergeDecision | None


def followed(story_id: str, stories: Mapping[str, Story]) -> list[str]:
    """The story's id and those of the stories it successively became part of."""
    found = [story_id]
    while (story := stories.get(found[-1])) is not None and story.merged_into not in {None, *found}:
        assert story.merged_into is not None  # noqa: S101 - for the type checker
        found.append(story.merged_into)
    return found


def decided_for(member: Membership, stories: Mapping[str, Story]) -> Candidate | None:
    """The candidate that the article was found to be part of; None if it has no such, or it is not among those kept."""
    decision = member.decision
    if decision.verdict is Verdict.JOINED:
        return next(iter(decision.candidates), None)
    if decision.verdict is not Verdict.KEPT:
        return None
    before = member.story_id if member.merge is None else member.merge.from_story_id
    at_home = (candidate for candidate in decision.candidates if before in followed(candidate.story_id, stories))
    return next(at_home, None)


def merges_of_article(member: Membership, stories: Mapping[str, Story]) -> list[Merge]:
    """The merges that the article has been through since its decision, earliest first."""
    if member.merge is None:
        return []
    last = Merge(member.merge.from_story_id, member.story_id, member.merge)
    chosen = decided_for(member, stories)
    way = followed(chosen.story_id, stories) if chosen is not None else []
    if last.from_id not in way:
        return [last]
    way = way[: way.index(last.from_id) + 1]
    return [*(Merge(*step, None) for step in pairwise(way)), last]


def merges_into(story: Story, members: Iterable[Membership], stories: Mapping[str, Story]) -> list[Merge]:
    """Every merge that led to the story, and the one that ended it; the latest of each story first, then what led there."""
    decisions = {member.merge.from_story_id: member.merge for member in members if member.merge is not None}
    found: dict[str, Merge] = {}
    if story.merged_into is not None:
        found[story.id] = Merge(story.id, story.merged_into, decisions.get(story.id))
    waiting = [story]
    while waiting:
        into = waiting.pop()
        for from_id in reversed(into.merged_from):
            if from_id not in found:
                found[from_id] = Merge(from_id, into.id, decisions.get(from_id))
                if from_id in stories:
                    waiting.append(stories[from_id])
    return list(found.values())


def split_off(story: Story, memberships: Iterable[Membership]) -> Iterator[Membership]:
    """The articles that a split has taken out of the story, as long as they are where it put them."""
    for member in memberships:
        command = member.placed_by
        if member.story_id in story.split_into and command is not None and command.kind is CommandKind.SPLIT:
            yield member
