"""Replay with an operator who applies the audit's proposals at once.

At the first article of each day of event time, and at the end, the stories are audited as by `newsloom audit`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import Enum
from typing import Final

import msgspec

from evaluation.replays.replay import new_engine
from newsloom.contracts.membership import Membership, MergeDecision
from newsloom.contracts.proposal import MergeProposal, SplitProposal
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.audit import audit_edition
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import EPOCH

DAY: Final = timedelta(days=1)
QUORUMS: Final = (0.5, 0.8, 1.0)


class ProposalKind(Enum):
    """The kind of an audit's proposal."""

    MERGES = "merges"
    SPLITS = "splits"


class AuditConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, and an operator who applies all proposals of one kind that have at least this quorum."""

    parameters: Parameters
    applied: ProposalKind
    quorum: float


def audit_configurations(parameters: Parameters) -> dict[str, AuditConfiguration]:
    """Return a configuration for each kind and quorum, by name."""
    cases = itertools.product(ProposalKind, QUORUMS)
    found = [AuditConfiguration(parameters=parameters, applied=kind, quorum=quorum) for kind, quorum in cases]
    return {f"{one.applied.value} of the audit, quorum {one.quorum:.0%}": one for one in found}


def replay_with_audits(events: Sequence[ArticleVector], configuration: AuditConfiguration) -> dict[str, str]:
    """Return the story of each article at the end of the replay, by article id."""
    stories: dict[str, str] = {}
    for engine, memberships in replay_by_day(events, configuration.parameters):
        for member in (*memberships, *_apply_proposals(engine.edition, configuration)):
            stories[member.article_id] = member.story_id
    return stories


def replay_by_day(events: Sequence[ArticleVector], parameters: Parameters) -> Iterator[tuple[Engine, list[Membership]]]:
    """Yield the engine at the end of each day of event time that has articles, and the memberships of that day."""
    engine = new_engine(events[0], parameters)
    today, published = _day(events[0]), list[Membership]()
    for event in events:
        if _day(event) != today:
            yield engine, published
            today, published = _day(event), []
        published += _memberships(engine.apply(event))
    yield engine, published


def _day(event: ArticleVector) -> int:
    return (event.published_at - EPOCH) // DAY


def _memberships(changes: StoryChanges) -> list[Membership]:
    return [member for _, member in changes.memberships if member is not None]


def _apply_proposals(edition: EditionState, configuration: AuditConfiguration) -> list[Membership]:
    edition.changes = StoryChanges()
    merged: set[str] = set()
    for proposal in audit_edition(edition, quorum=configuration.quorum):
        if isinstance(proposal, SplitProposal):
            if configuration.applied is ProposalKind.SPLITS:
                _split(edition, proposal.articles)
        elif configuration.applied is ProposalKind.MERGES:
            _merge(edition, proposal, merged)
    return _memberships(edition.changes)


def _merge(edition: EditionState, proposal: MergeProposal, merged: set[str]) -> None:
    survivor, absorbed = proposal.survivor.story_id, proposal.absorbed.story_id
    if not merged & {survivor, absorbed}:
        merge = MergeDecision(from_story_id=absorbed, affinity=proposal.affinity, bar=proposal.bar)
        edition.merge_stories(edition.stories[survivor], edition.stories[absorbed], merge)
        merged.add(absorbed)


def _split(edition: EditionState, articles: Sequence[str]) -> None:
    # Detach copies first; they come last. Otherwise detaching a report would promote its copy.
    members = [edition.detach_article(article) for article in reversed(articles)][::-1]
    story = edition.create_story(members[0])
    for member in members:
        edition.add_article(story, msgspec.structs.replace(member, story_id=story.id))
