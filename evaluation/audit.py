"""Measure whether the engine should apply the audit's proposals by itself: `python -m evaluation.audit`.

It counts how many proposals are right, and scores B-cubed F1 if those with enough quorum are applied at the end of each day. A
proposal counts once, the first time it is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from evaluation.cli.options import stream_options, trial_options
from evaluation.cli.program import run_program
from evaluation.output.results_files import publish_page
from evaluation.output.tables import comparison_table, table
from evaluation.replays.audit_replay import QUORUMS, ProposalKind, audit_configurations, replay_by_day
from evaluation.scores.comparison import SHIPPED, compare
from evaluation.scores.trials import Configuration, Trials
from evaluation.streams.event_stream import EventStream, load_event_streams
from evaluation.streams.files import StreamRequest
from newsloom.contracts.proposal import MergeProposal, Proposal
from services.clusterer.core.audit import audit_edition
from services.clusterer.core.parameters import Parameters

NOTE: Final = """\
A merge is right if most articles of both stories belong to one gold story, a split if most of those that leave belong to another
than most of those that stay."""
APPLIED: Final = "B-cubed F1 if they are applied at the end of each day:"


@dataclass(frozen=True, slots=True)
class JudgedProposal:
    """A proposal's kind and quorum, and whether it agrees with the labels."""

    kind: ProposalKind
    quorum: float
    is_right: bool


@click.command(name="evaluation.audit")
@stream_options
@trial_options
def command(*, request: StreamRequest, processes: int | None, keep: Path) -> None:
    """Compare the proposals of `newsloom audit` with the labels, and measure B-cubed F1 if they are applied."""
    ready = load_event_streams(request)
    shipped = Parameters()
    varied: dict[str, Configuration] = {SHIPPED: shipped, **audit_configurations(shipped)}
    with Trials(ready, request.cache, processes=processes) as trials:
        first, *others = compare(trials, [stream.name for stream in ready], varied)
    right = judged_table({stream.name: judge_proposals(stream, shipped) for stream in ready})
    publish_page(keep / "audit.md", "Audit", NOTE, right, APPLIED, comparison_table(first, others))


def judge_proposals(stream: EventStream, parameters: Parameters) -> list[JudgedProposal]:
    """Judge every proposal made at the end of a day."""
    gold = stream.gold.by_article()
    found: dict[tuple[str, ...], JudgedProposal] = {}
    for engine, _ in replay_by_day(stream.events, parameters):
        for proposal in audit_edition(engine.edition, quorum=min(QUORUMS)):
            kind = ProposalKind.MERGES if isinstance(proposal, MergeProposal) else ProposalKind.SPLITS
            one, other = _sides(proposal, engine.edition.articles)
            is_right = (_majority(one, gold) == _majority(other, gold)) == (kind is ProposalKind.MERGES)
            found.setdefault(_key(proposal), JudgedProposal(kind, proposal.quorum, is_right))
    return list(found.values())


def judged_table(by_stream: Mapping[str, Sequence[JudgedProposal]]) -> str:
    """Return a table of right and all proposals for each kind and quorum, by stream and in total."""
    rows = []
    for kind in ProposalKind:
        for quorum in QUORUMS:
            counted = [
                [one.is_right for one in found if one.kind is kind and one.quorum >= quorum]
                for found in by_stream.values()
            ]
            counted.append([right for some in counted for right in some])
            rows.append([f"{kind.value}, quorum {quorum:.0%}", *(f"{sum(some)} of {len(some)}" for some in counted)])
    return table(["right proposals", *by_stream, "all"], rows)


def _sides(proposal: Proposal, stories: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the articles of the two stories that a proposal would merge, or that a split would make."""
    if isinstance(proposal, MergeProposal):
        survivor, absorbed = proposal.survivor.story_id, proposal.absorbed.story_id
        return _articles_of(survivor, stories), _articles_of(absorbed, stories)
    leaving = set(proposal.articles)
    staying = [article for article in _articles_of(proposal.story.story_id, stories) if article not in leaving]
    return list(proposal.articles), staying


def _articles_of(story_id: str, stories: Mapping[str, str]) -> list[str]:
    return [article for article, story in stories.items() if story == story_id]


def _key(proposal: Proposal) -> tuple[str, ...]:
    if isinstance(proposal, MergeProposal):
        return "merge", proposal.survivor.story_id, proposal.absorbed.story_id
    return "split", *sorted(proposal.articles)


def _majority(articles: Iterable[str], gold: Mapping[str, str]) -> str | None:
    counted = Counter(gold[article] for article in articles if article in gold)
    return counted.most_common(1)[0][0] if counted else None


if __name__ == "__main__":
    run_program(command)
