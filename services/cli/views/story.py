"""One story in full, on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from newsloom.contracts.article import Leaning
from newsloom.contracts.story import Cause, HistoryEntry, Story, StoryState
from newsloom.terminal import escape
from services.cli.views.formatting import count, cut, moment, print_table, signature, table


def print_story(screen: Console, story: Story, stories: Mapping[str, Story]) -> None:
    """Head, history, articles, outlets, lineage and related stories; `stories` gives the other stories' titles."""
    print_head(screen, story, stories)
    _print_history(screen, story)
    _print_articles(screen, story)
    _print_outlets(screen, story)
    print_others(screen, "Merged from", story.merged_from, stories)
    print_relations(screen, story, stories)


def print_head(screen: Console, story: Story, stories: Mapping[str, Story]) -> None:
    """Title, id, state, counts and span of the story."""
    screen.print(Text(escape(story.title), "bold"))
    screen.print(Text(escape(f"{story.id}, {story.state.value}, edition {story.edition}, version {story.version}")))
    if story.state is StoryState.MERGED and story.merged_into is not None:
        screen.print(Text.assemble("It went into ", named(story.merged_into, stories)))
    sides = ", ".join(f"{story.leanings.get(side.value, 0):,} {side.value}" for side in Leaning)
    screen.print(
        f"{count(story.article_count, 'article')} ({sides}), {count(story.report_count, 'distinct report')}, "
        f"{count(story.outlet_count, 'outlet')}"
    )
    screen.print(
        f"published {moment(story.first_published_at)} to {moment(story.last_published_at)}, "
        f"updated {moment(story.updated_at)}"
    )
    if story.pinned is not None:
        screen.print(Text(signature(story.pinned)))


def print_relations(screen: Console, story: Story, stories: Mapping[str, Story]) -> None:
    """The splits on either side, the stories a command keeps this one apart from, and those of the same saga."""
    print_others(screen, "Split from", (story.split_from,) if story.split_from else (), stories)
    print_others(screen, "Split into", story.split_into, stories)
    print_others(screen, "Kept apart from", story.kept_apart, stories)
    print_others(screen, "Related", story.related, stories)


def _print_history(screen: Console, story: Story) -> None:
    print_heading(screen, "History")
    screen.print(" -> ".join(count(entry.article_count, "article") for entry in story.history))
    rows = table("", "articles", "version", "title")
    rows.show_header = False
    title = None
    for entry in story.history:
        # The title only where it changes: most changes are one more article under the same title.
        rows.add_row(
            moment(entry.at),
            count(entry.article_count, "article"),
            f"v{entry.version}",
            cut(_jump(entry) + ("" if entry.title == title else entry.title)),
        )
        title = entry.title
    print_table(screen, rows)


def _jump(entry: HistoryEntry) -> str:
    """What changed the count, if it was not just one more article."""
    return "" if entry.cause is Cause.ARTICLE else f"({entry.kind.value}: {entry.cause.value}) "


def _print_articles(screen: Console, story: Story) -> None:
    if not story.articles:
        return
    omitted = f", {story.articles_omitted:,} earlier ones are not listed" if story.articles_omitted else ""
    print_heading(screen, f"Articles, newest first{omitted}")
    rows = table("", "", "", "", "")
    rows.show_header = False
    for article in story.articles:
        rows.add_row(
            moment(article.published_at),
            article.leaning.value if article.leaning else "-",
            Text("copy" if article.copy_of else "", "dim"),
            Text(escape(article.outlet or "-")),
            cut(article.title),
        )
    print_table(screen, rows)


def _print_outlets(screen: Console, story: Story) -> None:
    if not story.outlets:
        return
    print_heading(screen, "Outlets")
    ranked = sorted(story.outlets.items(), key=lambda pair: (-pair[1], pair[0]))
    omitted = story.outlet_count - len(ranked)
    named = ", ".join(f"{escape(outlet)} {number:,}" for outlet, number in ranked)
    screen.print(Text(named + (f", and {count(omitted, 'other outlet')}" if omitted > 0 else "")))


def print_others(screen: Console, heading: str, ids: tuple[str, ...], stories: Mapping[str, Story]) -> None:
    """The stories of these ids under a heading, one a line; nothing if there are none."""
    if not ids:
        return
    print_heading(screen, heading)
    for story_id in ids:
        screen.print(named(story_id, stories), no_wrap=True, overflow="ellipsis")


def named(story_id: str, stories: Mapping[str, Story]) -> Text:
    """The story's id and, as long as it is known, its title."""
    other = stories.get(story_id)
    return Text(escape(story_id)) if other is None else Text(f"{escape(story_id)}  {escape(other.title)}")


def print_heading(screen: Console, heading: str) -> None:
    """An empty line and a heading."""
    screen.print()
    screen.print(Text(heading, "bold underline"))
