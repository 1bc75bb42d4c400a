"""Decisions in words and tables: why an article is in its story, how a story's articles came to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from rich.console import Console
from rich.text import Text

from newsloom.contracts.command import CommandKind
from newsloom.contracts.membership import Membership, Verdict
from newsloom.contracts.story import Story, StoryState
from newsloom.lineage import Merge, decided_for, merges_into, merges_of_article, split_off
from newsloom.terminal import escape
from services.cli.views.decision_tables import ABSENT, number, print_weighed
from services.cli.views.formatting import count, cut, moment, print_table, short_id, signature, table
from services.cli.views.story import named, print_head, print_heading, print_others, print_relations

FULL_COLUMNS = 110
"""Below this width a table leaves the titles their room: no voices, no origins."""


def print_article(
    screen: Console, member: Membership, stories: Mapping[str, Story], memberships: Iterable[Membership]
) -> None:
    """The verdict in one sentence, the candidates with every voice, the bar, and what happened to the story since.

    `memberships` gives the articles that others repeat.
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
    print_weighed(screen, member.decision, stories)
    merges = merges_of_article(member, stories)
    _print_merges(screen, "Merges since then", merges, stories)
    for merge in merges:
        if merge.decision is not None and merge.decision.second_look is not None:
            print_weighed(screen, merge.decision.second_look, stories, when=" of the second look")
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
    """How each of the members came to the story, the merges and splits with what decided them, and the related stories.

    `memberships` gives the articles that were split off.
    """
    print_head(screen, story, stories)
    if members:
        verdicts = Counter(member.decision.verdict for member in members)
        parts = [f"{verdicts[verdict]:,} {verdict.value}" for verdict in Verdict if verdicts[verdict]]
        moved = sum(member.merge is not None for member in members)
        parts += [f"{moved:,} of them came by a merge"] if moved and story.state is not StoryState.MERGED else []
        print_heading(screen, "Articles in order of arrival: " + ", ".join(parts))
        _print_decisions(screen, members, stories)
    _print_merges(screen, "Merges", merges_into(story, members, stories), stories)
    _print_commands(screen, [*members, *split_off(story, memberships)])
    print_relations(screen, story, stories)


# --- an article


def _print_article_head(screen: Console, member: Membership, stories: Mapping[str, Story]) -> None:
    screen.print(Text(escape(member.title), "bold"))
    outlet = f", {member.outlet}" if member.outlet is not None else ""
    screen.print(
        Text(
            escape(f"{member.article_id}, edition {member.edition}, sequence {member.sequence}{outlet}")
            + f", published {moment(member.published_at)}"
        )
    )
    screen.print(Text.assemble("In ", named(member.story_id, stories)), no_wrap=True, overflow="ellipsis")


def _verdict(member: Membership, stories: Mapping[str, Story], screen: Console) -> str:
    """Why the article came to its story, in one sentence."""
    decision = member.decision
    match decision.verdict:
        case Verdict.JOINED:
            chosen = decided_for(member, stories)
            if chosen is None:
                return f"It joined its story; the bar was {number(decision.bar)}. Its candidates were not kept."
            return (
                f"It joined {short_id(chosen.story_id, screen)} with a score of {number(chosen.score)}; "
                f"the bar was {number(decision.bar)}."
            )
        case Verdict.FOUNDED:
            return _founded(member, screen)
        case Verdict.COPIED:
            return _copied(member)
        case Verdict.KEPT:
            return _kept(member, stories, screen)
        case Verdict.COMMANDED:
            return "It is where a command has put it; nothing was compared."
        case _:
            assert_never(decision.verdict)


def _founded(member: Membership, screen: Console) -> str:
    # After a merge the record no longer says which one it founded.
    founded = "It founded " + ("a story" if member.merge is not None else short_id(member.story_id, screen))
    decision = member.decision
    if decision.bar is None or not decision.candidates:
        return f"{founded}: no story of the window was there to compare it with."
    best = decision.candidates[0].score
    below = number(decision.bar - best)
    return f"{founded}: the best candidate scored {number(best)} and stayed {below} below the bar of {number(decision.bar)}."


def _copied(member: Membership) -> str:
    decision = member.decision
    figures = f"a Jaccard index of {number(decision.jaccard)}; the bar for copies was {number(decision.bar)}."
    if decision.fit is not None:
        figures += f" The title of one fits the text of the other: their cosine is {number(decision.fit)}."
    if member.copy_of is not None:
        return f"It followed {escape(member.copy_of)}, whose text it repeats with {figures}"
    return f"It followed an article that has left since, and whose text it repeated with {figures}"


def _boilerplate(member: Membership) -> str:
    return (
        f"Its text is boilerplate, as that of {escape(str(member.boilerplate_of))} under another title: "
        "it was compared by its title, and by the terms that the other has not."
    )


def _kept(member: Membership, stories: Mapping[str, Story], screen: Console) -> str:
    chosen, bar = decided_for(member, stories), member.decision.bar
    if bar is None:
        return (
            "It was corrected and kept its story, which was pinned, was closed, had no other article, "
            "or is kept apart from the one it fits."
        )
    if chosen is None:
        return f"It was corrected and kept its story: it still reached the bar of {number(bar)}."
    return (
        f"It was corrected and kept its story, {short_id(chosen.story_id, screen)}: with a score of "
        f"{number(chosen.score)} it still reached the bar of {number(bar)}."
    )


def _print_original(screen: Console, member: Membership, memberships: Iterable[Membership]) -> None:
    place = (member.edition, member.copy_of)
    original = next((other for other in memberships if (other.edition, other.article_id) == place), None)
    if original is None:
        return
    print_heading(screen, "Repeats")
    origin = f"{moment(original.published_at)}  {escape(original.outlet or ABSENT)}  {escape(original.article_id)}"
    screen.print(Text(f"{origin}  {escape(original.title)}"), no_wrap=True, overflow="ellipsis")
    if original.decision.verdict is Verdict.COPIED:
        screen.print(
            "It came as a copy too: the Jaccard index may be that with an article both repeated, and which has left."
        )


# --- a story


def _print_decisions(screen: Console, members: Sequence[Membership], stories: Mapping[str, Story]) -> None:
    full = screen.width >= FULL_COLUMNS
    origins = ["copy of", "merged from", "article"] if full else []
    rows = table("sequence", "score", "bar", "verdict", *origins, "title", numbers=3)
    for member in members:
        rows.add_row(
            str(member.sequence),
            number(_score(member, stories)),
            number(member.decision.bar),
            member.decision.verdict.value,
            *(_origin(member, screen) if full else ()),
            cut(member.title),
        )
    print_table(screen, rows)
    screen.print("score: of the story; founded: of the best candidate, below the bar; copied: the Jaccard index.")


def _print_commands(screen: Console, members: Iterable[Membership]) -> None:
    """Who has put articles where they are, and why; merges stand among the merges."""
    placed = Counter(member.placed_by for member in members if member.placed_by is not None)
    told = [(command, articles) for command, articles in placed.items() if command.kind is not CommandKind.MERGE]
    if not told:
        return
    print_heading(screen, "Commands")
    for command, articles in told:
        screen.print(Text(f"{signature(command)} ({count(articles, 'article')})"))


def _origin(member: Membership, screen: Console) -> tuple[Text, Text, Text]:
    """What it repeats, which story it came from, and its own id."""
    merged = short_id(member.merge.from_story_id, screen) if member.merge is not None else ""
    return Text(escape(member.copy_of or "")), Text(merged), Text(escape(member.article_id))


def _score(member: Membership, stories: Mapping[str, Story]) -> float | None:
    """What was held against the bar."""
    decision = member.decision
    if decision.verdict is Verdict.FOUNDED:
        return decision.candidates[0].score if decision.candidates else None
    if decision.verdict is Verdict.COPIED:
        return decision.jaccard
    chosen = decided_for(member, stories)
    return chosen.score if chosen is not None else None


# --- both


def _print_merges(screen: Console, heading: str, merges: Sequence[Merge], stories: Mapping[str, Story]) -> None:
    if not merges:
        return
    gone = any(merge.decision is None for merge in merges)
    print_heading(screen, heading + (f" ({ABSENT}: no longer kept)" if gone else ""))
    rows = table("affinity", "bar", "merged", "story", "into", "title", numbers=2)
    for merge in merges:
        absorbed = stories.get(merge.from_id)
        rows.add_row(
            number(merge.decision.affinity if merge.decision else None),
            number(merge.decision.bar if merge.decision else None),
            moment(absorbed.updated_at) if absorbed is not None else ABSENT,
            short_id(merge.from_id, screen),
            short_id(merge.into_id, screen),
            cut(absorbed.title if absorbed is not None else "(forgotten)"),
        )
    print_table(screen, rows)
    for merge in merges:
        if (said := _said(merge, screen)) is not None:
            screen.print(Text(f"{short_id(merge.from_id, screen)}: {said}"))


def _said(merge: Merge, screen: Console) -> str | None:
    """Who or what decided a merge, if it was not an article that joined."""
    decision = merge.decision
    if decision is None:
        return None
    if decision.command is not None:
        return signature(decision.command)
    if decision.second_look is None:
        return None
    # Of the two it fits the other one: the report stood alone in what need not be the story that ended.
    fitted = {candidate.story_id for candidate in decision.second_look.candidates[:1]}
    alone = next((story for story in (merge.from_id, merge.into_id) if story not in fitted), merge.from_id)
    return f"a second look at the only report of {short_id(alone, screen)}, whose score the affinity is"
