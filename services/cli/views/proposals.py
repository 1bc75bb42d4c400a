"""Print an audit's proposals as text or JSON, each with the command that carries it out."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

import click
import msgspec
from rich.console import Console
from rich.text import Text

from newsloom.contracts.proposal import MergeProposal, Proposal, ProposalStory
from newsloom.terminal import escape
from services.cli.views.formatting import count, one_line, print_json, print_table, table


def print_text(screen: Console, proposals: Sequence[Proposal]) -> None:
    """Print each proposal with its evidence, its stories and its command."""
    if not proposals:
        click.echo("nothing to propose", err=True)
        return
    for proposal in proposals:
        screen.print(Text(f"{_heading(proposal)}, edition {proposal.edition}", "bold"))
        screen.print(
            f"{_evidence(proposal)}; mean similarity {proposal.similarity:z.3f}; strength {proposal.strength:z.3f}"
        )
        _print_stories(screen, proposal)
        # Do not wrap or truncate: the command is there to be copied.
        screen.print(Text(shell_command(proposal)), soft_wrap=True)
        screen.print()
    click.echo(f"{count(len(proposals), 'proposal')}, strongest first; nothing was changed", err=True)


def print_json_lines(proposals: Iterable[Proposal]) -> None:
    """Print a proposal per line, of `kind` merge or split, with its `command`."""
    for proposal in proposals:
        fields = {**msgspec.to_builtins(proposal), "command": shell_command(proposal)}
        print_json(msgspec.json.encode(fields, order="deterministic"))


def shell_command(proposal: Proposal) -> str:
    """Return the shell command that carries the proposal out, with the evidence as its reason."""
    why = shell_word(f"audit: {_evidence(proposal)}")
    if isinstance(proposal, MergeProposal):
        survivor, absorbed = (shell_word(side.story_id) for side in (proposal.survivor, proposal.absorbed))
        return f"newsloom stories merge {survivor} {absorbed} --why {why}"
    articles = " ".join(map(shell_word, proposal.articles))
    # After `--` an id that begins with a dash is not taken for an option.
    return f"newsloom stories split {shell_word(proposal.story.story_id)} --why {why} -- {articles}"


def shell_word(text: str) -> str:
    """Quote the text for a shell (bash, zsh), with unsafe characters as escapes that the shell decodes."""
    if text and text == escape(text):
        return shlex.quote(text)
    escaped = "".join(c if c.isascii() and c.isprintable() and c not in "\\'" else f"\\U{ord(c):08x}" for c in text)
    return f"$'{escaped}'"


def _heading(proposal: Proposal) -> str:
    if isinstance(proposal, MergeProposal):
        return "Merge two stories"
    return f"Split off {count(len(proposal.articles), 'article')}"


def _evidence(proposal: Proposal) -> str:
    affinity = f"affinity {proposal.affinity:z.3f}, bar {proposal.bar:z.3f}"
    if isinstance(proposal, MergeProposal):
        return f"{_share(proposal.survivor)} and {_share(proposal.absorbed)} reports are in one cluster, {affinity}"
    apart = proposal.story.report_count - proposal.story.agreeing
    return (
        f"{apart} of {count(proposal.story.report_count, 'report')} are in a cluster of their own, "
        f"{proposal.quorum:.0%} in some cluster, {affinity}"
    )


def _share(story: ProposalStory) -> str:
    return f"{story.agreeing} of {story.report_count}"


def _print_stories(screen: Console, proposal: Proposal) -> None:
    rows = table("articles", "id", "title", numbers=1)
    rows.show_header = False
    sides = (proposal.survivor, proposal.absorbed) if isinstance(proposal, MergeProposal) else (proposal.story,)
    for side in sides:
        rows.add_row(count(side.article_count, "article"), escape(side.story_id), one_line(side.title))
    if not isinstance(proposal, MergeProposal):
        rows.add_row(count(len(proposal.articles), "article"), "split off", one_line(proposal.title))
    print_table(screen, rows)
