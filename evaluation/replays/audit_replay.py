"""The audit, carried out: what the engine comes to if somebody believes its proposals at once.

At the first article of each day of event time, and at the end, the stories are audited as `newsloom audit` would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import Enum
from typing import Final

import msgspec

from evaluation.replays.replay import new_engine
from newsloom.contracts.membership import Membership, MergeDecision
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.audit import MergeProposal, SplitProposal, audit_edition
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import EPOCH

DAY: Final = timedelta(days=1)
QUORUMS: Final = (0.5, 0.8, 1.0)


class Kind(Enum):
    """Which proposals are carried out."""

    MERGES = "merges"
    SPLITS = "splits"


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, and an operator who carries out every proposal of one kind from a quorum on."""

    parameters: Parameters
    carried_out: Kind
    quorum: float


def audited_variants(parameters: Parameters) -> dict[str, Audited]:
    """A name and a configuration for each kind and quorum."""
    return {
        f"{kind.value} of the audit, quorum {quorum:.0%}": Audited(
            parameters=parameters, carried_out=kind, quorum=quorum
        )
        for kind in Kind
        for quorum in QUORUMS
    }


def replay_audited(events: Sequence[ArticleVector], configuration: Audited) -> dict[str, str]:
    """The story that each article is in at the end, by article id."""
    places: dict[str, str] = {}
    for engine, changes in days(events, configuration.parameters):
        _follow(places, changes)
        _follow(places, _carried_out(engine.edition, configuration))
    return places


def days(events: Sequence[ArticleVector], parameters: Parameters) -> Iterator[tuple[Engine, list[Membership]]]:
    """The engine at the end of each day of event time that has articles, and the memberships of that day."""
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


def _follow(places: dict[str, str], memberships: Sequence[Membership]) -> None:
    places.update((member.article_id, member.story_id) for member in memberships)


def _carried_out(edition: EditionState, configuration: Audited) -> list[Membership]:
    edition.changes = StoryChanges()
    gone: set[str] = set()
    for proposal in audit_edition(edition, quorum=configuration.quorum):
        if isinstance(proposal, SplitProposal):
            if configuration.carried_out is Kind.SPLITS:
                _split(edition, proposal.articles)
        elif configuration.carried_out is Kind.MERGES:
            _merge(edition, proposal, gone)
    return _memberships(edition.changes)


def _merge(edition: EditionState, proposal: MergeProposal, gone: set[str]) -> None:
    survivor, absorbed = proposal.survivor.story_id, proposal.absorbed.story_id
    if not gone & {survivor, absorbed}:
        merge = MergeDecision(from_story_id=absorbed, affinity=proposal.affinity, bar=proposal.bar)
        edition.merge_stories(edition.stories[survivor], edition.stories[absorbed], merge)
        gone.add(absorbed)


def _split(edition: EditionState, articles: Sequence[str]) -> None:
    # Copies, which come last, leave first: otherwise one of them would become the report that leaves.
    members = [edition.detach_article(article) for article in reversed(articles)][::-1]
    story = edition.create_story(members[0])
    for member in members:
        edition.add_article(story, msgspec.structs.replace(member, story_id=story.id))
