"""The audit's proposals on a terminal and as JSON, each with the command that carries it out."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

import click
import msgspec
from rich.console import Console
from rich.text import Text

from newsloom.terminal import escape
from services.cli.views.formatting import count, cut, print_json, print_table, table
from services.clusterer.core.audit import MergeProposal, Proposal, ProposalStory


def print_text(screen: Console, proposals: Sequence[Proposal]) -> None:
    """Each proposal: what, on which evidence, between which stories, and its command."""
    if not proposals:
        click.echo("nothing to propose", err=True)
        return
    for proposal in proposals:
        screen.print(Text(f"{_heading(proposal)}, edition {proposal.edition}", "bold"))
        screen.print(
            f"{_evidence(proposal)}; mean similarity {proposal.similarity:z.3f}; strength {proposal.strength:z.3f}"
        )
        _print_sides(screen, proposal)
        # Never wrapped or cut: it is there to be copied.
        screen.print(Text(carried_out_by(proposal)), soft_wrap=True)
        screen.print()
    click.echo(f"{count(len(proposals), 'proposal')}, strongest first; nothing was changed", err=True)


def print_json_lines(proposals: Iterable[Proposal]) -> None:
    """A proposal a line, of `kind` merge or split, with its `command`."""
    for proposal in proposals:
        fields = {**msgspec.to_builtins(proposal), "command": carried_out_by(proposal)}
        print_json(msgspec.json.encode(fields, order="deterministic"))


def carried_out_by(proposal: Proposal) -> str:
    """The command, for a shell; its reason is the evidence."""
    why = _quoted(f"audit: {_evidence(proposal)}")
    if isinstance(proposal, MergeProposal):
        return f"newsloom stories merge {_quoted(proposal.survivor.story_id)} {_quoted(proposal.absorbed.story_id)} --why {why}"
    articles = " ".join(map(_quoted, proposal.articles))
    # Behind the dashes even an id that begins with one is an id.
    return f"newsloom stories split {_quoted(proposal.story.story_id)} --why {why} -- {articles}"


def _heading(proposal: Proposal) -> str:
    if isinstance(proposal, MergeProposal):
        return "Merge two stories"
    return f"Split off {count(len(proposal.articles), 'article')}"


def _evidence(proposal: Proposal) -> str:
    affinity = f"affinity {proposal.affinity:z.3f}, bar {proposal.bar:z.3f}"
    if isinstance(proposal, MergeProposal):
        return f"{_share(proposal.survivor)} and {_share(proposal.absorbed)} reports lie in one cluster, {affinity}"
    apart = proposal.story.report_count - proposal.story.agreeing
    return (
        f"{apart} of {count(proposal.story.report_count, 'report')} lie in a cluster of their own, "
        f"{proposal.quorum:.0%} in some cluster, {affinity}"
    )


def _share(side: ProposalStory) -> str:
    return f"{side.agreeing} of {side.report_count}"


def _print_sides(screen: Console, proposal: Proposal) -> None:
    rows = table("articles", "id", "title", numbers=1)
    rows.show_header = False
    if isinstance(proposal, MergeProposal):
        for side in (proposal.survivor, proposal.absorbed):
            rows.add_row(count(side.article_count, "article"), escape(side.story_id), cut(side.title))
    else:
        side = proposal.story
        rows.add_row(count(side.article_count, "article"), escape(side.story_id), cut(side.title))
        rows.add_row(count(len(proposal.articles), "article"), "split off", cut(proposal.title))
    print_table(screen, rows)


def _quoted(text: str) -> str:
    """The text as one word of a shell (bash, zsh); what could steer a terminal is escaped in a way the shell undoes."""
    if text and text == escape(text):
        return shlex.quote(text)
    escaped = "".join(c if c.isascii() and c.isprintable() and c not in "\\'" else f"\\U{ord(c):08x}" for c in text)
    return f"$'{escaped}'"
