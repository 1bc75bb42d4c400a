"""Should the engine carry the audit's proposals out by itself? `python -m evaluation.audit`.

How many of the proposals are right, and what B-cubed F1 comes to if those from a quorum on are carried out at the end of each
day. A proposal counts once, the first time it is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from evaluation.ablation import SHIPPED, Row, measured_rows, render
from evaluation.evaluate import Request, run_alone, stream_options, trial_options
from evaluation.output.summary import provenance, table
from evaluation.replays.audit_replay import QUORUMS, Kind, audited_variants, days
from evaluation.scores.trials import TRIALS_FILE, Configuration, Trials
from evaluation.streams.event_stream import Prepared, cached_encoder, counted_streams, prepare_stream
from services.clusterer.core.audit import MergeProposal, Proposal, audit_edition
from services.clusterer.core.parameters import Parameters

READING: Final = """\
A merge is right if most articles of both stories belong to one gold story, a split if most of those that leave belong to another
than most of those that stay."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A proposal's kind and quorum, and whether the labels agree with it."""

    kind: Kind
    quorum: float
    is_right: bool


@click.command(name="evaluation.audit")
@stream_options
@trial_options
def command(*, request: Request, processes: int | None, keep: Path) -> None:
    """Judge the proposals of `newsloom audit` by the labels, and carry them out to see what that does to B-cubed F1."""
    encoder = cached_encoder(request.cache)
    ready = [prepare_stream(stream, encoder) for stream in counted_streams(request)]
    shipped = Parameters()
    varied: dict[str, Configuration] = {SHIPPED: shipped, **audited_variants(shipped)}
    with Trials(ready, request.cache / TRIALS_FILE, processes=processes) as trials:
        first, *others = measured_rows(trials, [stream.name for stream in ready], varied)
    right = render_judged({stream.name: judged(stream, shipped) for stream in ready})
    text = f"# Audit\n\n{provenance()}\n{READING}\n\n{right}\n\n{_render_rows(first, others)}"
    (keep / "audit.md").write_text(text)
    click.echo(text, nl=False)


def judged(stream: Prepared, parameters: Parameters) -> list[Judged]:
    """Every proposal made at the end of a day."""
    gold = dict(zip(stream.gold.ids, stream.gold.stories, strict=True))
    found: dict[tuple[str, ...], Judged] = {}
    for engine, _ in days(stream.events, parameters):
        for proposal in audit_edition(engine.edition, quorum=min(QUORUMS)):
            kind = Kind.MERGES if isinstance(proposal, MergeProposal) else Kind.SPLITS
            sides = _sides(proposal, engine.edition.articles)
            right = (_majority(sides[0], gold) == _majority(sides[1], gold)) == (kind is Kind.MERGES)
            found.setdefault(_subject(proposal), Judged(kind, proposal.quorum, right))
    return list(found.values())


def render_judged(by_stream: Mapping[str, Sequence[Judged]]) -> str:
    """Right ones of all, for each kind and quorum, by stream and altogether."""
    rows = []
    for kind in Kind:
        for quorum in QUORUMS:
            counted = [
                [one.is_right for one in found if one.kind is kind and one.quorum >= quorum]
                for found in by_stream.values()
            ]
            counted.append([right for some in counted for right in some])
            rows.append([f"{kind.value}, quorum {quorum:.0%}", *(f"{sum(some)} of {len(some)}" for some in counted)])
    return table(["right proposals", *by_stream, "all"], rows)


def _render_rows(shipped: Row, others: Sequence[Row]) -> str:
    return "B-cubed F1 if they are carried out at the end of each day:\n\n" + render(shipped, others)


def _sides(proposal: Proposal, places: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The articles of the two stories that are to be one, or of the two that one story is to be."""
    if isinstance(proposal, MergeProposal):
        survivor, absorbed = proposal.survivor.story_id, proposal.absorbed.story_id
        return _articles_of(survivor, places), _articles_of(absorbed, places)
    leaving = set(proposal.articles)
    staying = [article for article in _articles_of(proposal.story.story_id, places) if article not in leaving]
    return list(proposal.articles), staying


def _articles_of(story_id: str, places: Mapping[str, str]) -> list[str]:
    return [article for article, story in places.items() if story == story_id]


def _subject(proposal: Proposal) -> tuple[str, ...]:
    if isinstance(proposal, MergeProposal):
        return "merge", proposal.survivor.story_id, proposal.absorbed.story_id
    return "split", *sorted(proposal.articles)


def _majority(articles: Iterable[str], gold: Mapping[str, str]) -> str | None:
    counted = Counter(gold[article] for article in articles if article in gold)
    return counted.most_common(1)[0][0] if counted else None


if __name__ == "__main__":
    run_alone(command)
