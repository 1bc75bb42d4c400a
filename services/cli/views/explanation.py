"""Print decisions in words and tables: why an article is in its story, and how each article of a story got there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from rich.console import Console
from rich.text import Text

from newsloom.contracts.command import CommandKind
from newsloom.contracts.membership import Decision, Membership, Verdict, report_ids
from newsloom.contracts.story import Story, StoryState
from newsloom.lineage import Merge, chosen_candidate, members_split_off, merges_into, merges_of_article
from newsloom.terminal import escape
from services.cli.views.decision_tables import ABSENT, decimal, print_decision
from services.cli.views.formatting import count, format_time, one_line, print_table, short_id, signature, table
from services.cli.views.story import id_and_title, print_head, print_heading, print_others, print_relations

FULL_COLUMNS = 110
"""On a narrower terminal, tables omit columns so that the titles have room."""


def print_article(
    screen: Console, member: Membership, stories: Mapping[str, Story], memberships: Iterable[Membership]
) -> None:
    """Print the verdict in one sentence, the candidates, the bar, and the later merges of the story.

    `memberships` must contain the articles of its copy group.
    """
    _print_article_head(screen, member, stories)
    screen.print()
    screen.print(Text(_verdict(member, stories, screen)))
    if member.placed_by is not None:
        screen.print(Text(f"A command keeps it here: {signature(member.placed_by)}"))
    if member.boilerplate_of is not None:
        screen.print(Text(_boilerplate(member)))
    if member.copy_of is not None:
        _print_original(screen, member, memberships)
    print_decision(screen, member.decision, stories)
    merges = merges_of_article(member, stories)
    _print_merges(screen, "Merges since then", merges, stories)
    for merge in merges:
        if merge.decision is not None and merge.decision.second_look is not None:
            print_decision(screen, merge.decision.second_look, stories, suffix=" of the second look")
    story = stories.get(member.story_id)
    if story is not None:
        print_others(screen, "The story was merged from", story.merged_from, stories)
        print_relations(screen, story, stories)


def print_members(
    screen: Console,
    story: Story,
    members: Sequence[Membership],
    stories: Mapping[str, Story],
    memberships: Iterable[Membership],
) -> None:
    """Print the decision for each member, the merges and commands with their reasons, and the related stories.

    `memberships` must contain the articles that were split off.
    """
    print_head(screen, story, stories)
    if members:
        verdicts = Counter(member.decision.verdict for member in members)
        parts = [f"{verdicts[verdict]:,} {verdict.value}" for verdict in Verdict if verdicts[verdict]]
        merged = sum(member.merge is not None for member in members)
        parts += [f"{merged:,} of them by a merge"] if merged and story.state is not StoryState.MERGED else []
        print_heading(screen, "Articles in order of arrival: " + ", ".join(parts))
        _print_decisions(screen, members, stories)
    _print_merges(screen, "Merges", merges_into(story, members, stories), stories)
    _print_commands(screen, [*members, *members_split_off(story, memberships)])
    print_relations(screen, story, stories)


# --- an article


def _print_article_head(screen: Console, member: Membership, stories: Mapping[str, Story]) -> None:
    screen.print(Text(escape(member.title), "bold"))
    outlet = f", {member.outlet}" if member.outlet is not None else ""
    screen.print(
        Text(
            escape(f"{member.article_id}, edition {member.edition}, sequence {member.sequence}{outlet}")
            + f", published {format_time(member.published_at)}"
        )
    )
    screen.print(Text.assemble("In ", id_and_title(member.story_id, stories)), no_wrap=True, overflow="ellipsis")


def _verdict(member: Membership, stories: Mapping[str, Story], screen: Console) -> str:
    """Return in one sentence why the article came to its story."""
    decision = member.decision
    match decision.verdict:
        case Verdict.JOINED:
            chosen = chosen_candidate(member, stories)
            if chosen is None:
                return f"It joined its story; the bar was {decimal(decision.bar)}. Its candidates were not recorded."
            return (
                f"It joined {short_id(chosen.story_id, screen)} with a score of {decimal(chosen.score)}; "
                f"the bar was {decimal(decision.bar)}."
            )
        case Verdict.FOUNDED:
            return _founded(member, screen)
        case Verdict.COPIED:
            return _copied(member)
        case Verdict.KEPT:
            return _kept(member, stories, screen)
        case Verdict.COMMANDED:
            return "A command put it here; nothing was compared."
        case _:
            assert_never(decision.verdict)


def _founded(member: Membership, screen: Console) -> str:
    # After a merge, the record no longer contains the id of the story that it founded.
    founded = "It founded " + ("a story" if member.merge is not None else short_id(member.story_id, screen))
    decision = member.decision
    if decision.bar is None or not decision.candidates:
        return f"{founded}: there was no other story in the window to compare it with."
    reasons = []
    if decision.kept_out:
        against = "the best candidate" if decision.kept_out == 1 else f"the best {decision.kept_out} candidates"
        reasons.append(f"names, numbers or a period spoke against {against}")
    compared = _compared_score(decision)
    if compared is not None:
        subject = "the next one" if decision.kept_out else "the best candidate"
        below = decimal(decision.bar - compared)
        reasons.append(f"{subject} scored {decimal(compared)}, {below} below the bar of {decimal(decision.bar)}")
    return f"{founded}: {'; '.join(reasons)}."


def _compared_score(decision: Decision) -> float | None:
    """Return the score of the first candidate that no evidence spoke against; None if there is none, or it is not recorded."""
    return decision.candidates[decision.kept_out].score if decision.kept_out < len(decision.candidates) else None


def _copied(member: Membership) -> str:
    decision = member.decision
    # Earlier versions did not keep the id in the record of a copy that took the place of its report.
    original = "an article that has left since" if member.copy_of is None else escape(member.copy_of)
    sentence = (
        f"It came as a copy of {original}: their Jaccard index was {decimal(decision.jaccard)}; "
        f"the bar for copies was {decimal(decision.bar)}."
    )
    if decision.fit is not None:
        sentence += f" The title of one fits the text of the other: their cosine was {decimal(decision.fit)}."
    return sentence


def _boilerplate(member: Membership) -> str:
    return (
        f"Its text is boilerplate: {escape(str(member.boilerplate_of))} has the same text under another title. "
        "It was compared by its title and by the terms that the other article does not have."
    )


def _kept(member: Membership, stories: Mapping[str, Story], screen: Console) -> str:
    chosen, bar = chosen_candidate(member, stories), member.decision.bar
    if bar is None:
        return (
            "It was corrected and stayed in its story: the story was pinned or closed or had no other article, "
            "or a command keeps it apart from the story that fits better."
        )
    if chosen is None:
        return f"It was corrected and stayed in its story: it still reached the bar of {decimal(bar)}."
    return (
        f"It was corrected and stayed in its story, {short_id(chosen.story_id, screen)}: with a score of "
        f"{decimal(chosen.score)} it still reached the bar of {decimal(bar)}."
    )


def _print_original(screen: Console, member: Membership, memberships: Iterable[Membership]) -> None:
    group = [other for other in memberships if (other.edition, other.group) == (member.edition, member.group)]
    report_id = report_ids(group)[member.edition, member.group]
    if report_id == member.article_id:
        screen.print("That article has left since, and this one has taken its place as the report.")
        return
    report = next(other for other in group if other.article_id == report_id)
    print_heading(screen, "Copy of")
    origin = f"{format_time(report.published_at)}  {escape(report.outlet or ABSENT)}  {escape(report.article_id)}"
    screen.print(Text(f"{origin}  {escape(report.title)}"), no_wrap=True, overflow="ellipsis")
    if report.article_id != member.copy_of:
        screen.print(
            "The article that it was compared with has left since; this one has taken its place as the report."
        )


# --- a story


def _print_decisions(screen: Console, members: Sequence[Membership], stories: Mapping[str, Story]) -> None:
    full = screen.width >= FULL_COLUMNS
    origins = ["copy of", "merged from", "article"] if full else []
    rows = table("sequence", "score", "bar", "verdict", *origins, "title", numbers=3)
    for member in members:
        rows.add_row(
            str(member.sequence),
            decimal(_score(member, stories)),
            decimal(member.decision.bar),
            member.decision.verdict.value,
            *(_origin(member, screen) if full else ()),
            one_line(member.title),
        )
    print_table(screen, rows)
    screen.print(
        "The score is the one with the story. For founded it is that of the best candidate that no evidence spoke against."
    )
    screen.print("For copied it is the Jaccard index with the original.")


def _print_commands(screen: Console, members: Iterable[Membership]) -> None:
    """Print the commands that put articles where they are, except merges, which have their own table."""
    commands = Counter(member.placed_by for member in members if member.placed_by is not None)
    counts = [(command, articles) for command, articles in commands.items() if command.kind is not CommandKind.MERGE]
    if not counts:
        return
    print_heading(screen, "Commands")
    for command, articles in counts:
        screen.print(Text(f"{signature(command)} ({count(articles, 'article')})"))


def _origin(member: Membership, screen: Console) -> tuple[Text, Text, Text]:
    """Return the article it is a copy of, the story it was merged from, and its own id."""
    merged = short_id(member.merge.from_story_id, screen) if member.merge is not None else ""
    return Text(escape(member.copy_of or "")), Text(merged), Text(escape(member.article_id))


def _score(member: Membership, stories: Mapping[str, Story]) -> float | None:
    """Return the value that was compared with the bar."""
    decision = member.decision
    if decision.verdict is Verdict.FOUNDED:
        return _compared_score(decision)
    if decision.verdict is Verdict.COPIED:
        return decision.jaccard
    chosen = chosen_candidate(member, stories)
    return chosen.score if chosen is not None else None


# --- both


def _print_merges(screen: Console, heading: str, merges: Sequence[Merge], stories: Mapping[str, Story]) -> None:
    if not merges:
        return
    incomplete = any(merge.decision is None for merge in merges)
    print_heading(screen, heading + (f" ({ABSENT}: no longer recorded)" if incomplete else ""))
    rows = table("affinity", "bar", "merged", "story", "into", "title", numbers=2)
    for merge in merges:
        absorbed = stories.get(merge.from_id)
        rows.add_row(
            decimal(merge.decision.affinity if merge.decision else None),
            decimal(merge.decision.bar if merge.decision else None),
            format_time(absorbed.updated_at) if absorbed is not None else ABSENT,
            short_id(merge.from_id, screen),
            short_id(merge.into_id, screen),
            one_line(absorbed.title if absorbed is not None else "(forgotten)"),
        )
    print_table(screen, rows)
    for merge in merges:
        if (cause := _merge_cause(merge, screen)) is not None:
            screen.print(Text(f"{short_id(merge.from_id, screen)}: {cause}"))


def _merge_cause(merge: Merge, screen: Console) -> str | None:
    """Return the command or the second look that decided a merge; None if a joining article caused it."""
    decision = merge.decision
    if decision is None:
        return None
    if decision.command is not None:
        return signature(decision.command)
    if decision.second_look is None:
        return None
    # The only report belongs to the story that is not the best candidate; either of the two may be the one that was absorbed.
    fitted = {candidate.story_id for candidate in decision.second_look.candidates[:1]}
    alone = next((story for story in (merge.from_id, merge.into_id) if story not in fitted), merge.from_id)
    return f"a second look at the only report of {short_id(alone, screen)}; its score is the affinity"
