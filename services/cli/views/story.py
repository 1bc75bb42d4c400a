"""Print one story in full, or a table of stories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.text import Text

from newsloom.contracts.article import Leaning
from newsloom.contracts.story import Cause, HistoryEntry, Story, StoryState
from newsloom.terminal import escape
from services.cli.views.formatting import (
    NARROW_COLUMNS,
    count,
    format_time,
    leaning_counts,
    one_line,
    print_table,
    short_id,
    signature,
    table,
    title_and_state,
)


def print_stories(screen: Console, stories: Iterable[Story]) -> None:
    """Print a table of the stories; on a narrow terminal only count, id and title."""
    if screen.width < NARROW_COLUMNS:
        rows = table("articles", "id", "title", numbers=1)
        for story in stories:
            rows.add_row(f"{story.article_count:,}", short_id(story.id, screen), one_line(title_and_state(story)))
    else:
        rows = table("articles", "reports", "leanings", "updated", "id", "title", numbers=2)
        for story in stories:
            rows.add_row(
                f"{story.article_count:,}",
                f"{story.report_count:,}",
                leaning_counts(story.leanings),
                format_time(story.updated_at),
                short_id(story.id, screen),
                one_line(title_and_state(story)),
            )
    print_table(screen, rows)


def print_story(screen: Console, story: Story, stories: Mapping[str, Story]) -> None:
    """Print head, history, articles, outlets, lineage and related stories; `stories` supplies the others' titles."""
    print_head(screen, story, stories)
    _print_history(screen, story)
    _print_articles(screen, story)
    _print_outlets(screen, story)
    print_others(screen, "Merged from", story.merged_from, stories)
    print_relations(screen, story, stories)


def print_head(screen: Console, story: Story, stories: Mapping[str, Story]) -> None:
    """Print title, id, state, counts and time span of the story."""
    screen.print(Text(escape(story.title), "bold"))
    screen.print(Text(escape(f"{story.id}, {story.state.value}, edition {story.edition}, version {story.version}")))
    if story.state is StoryState.MERGED and story.merged_into is not None:
        screen.print(Text.assemble("Merged into ", id_and_title(story.merged_into, stories)))
    sides = ", ".join(f"{story.leanings.get(side.value, 0):,} {side.value}" for side in Leaning)
    screen.print(
        f"{count(story.article_count, 'article')} ({sides}), {count(story.report_count, 'distinct report')}, "
        f"{count(story.outlet_count, 'outlet')}"
    )
    screen.print(
        f"published {format_time(story.first_published_at)} to {format_time(story.last_published_at)}, "
        f"updated {format_time(story.updated_at)}"
    )
    if story.pinned is not None:
        screen.print(Text(signature(story.pinned)))


def print_relations(screen: Console, story: Story, stories: Mapping[str, Story]) -> None:
    """Print the stories it was split from and into, those it is kept apart from, and the related ones."""
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
        # Show a title only where it changes: most entries are one more article under the same title.
        rows.add_row(
            format_time(entry.at),
            count(entry.article_count, "article"),
            f"v{entry.version}",
            one_line(_cause(entry) + ("" if entry.title == title else entry.title)),
        )
        title = entry.title
    print_table(screen, rows)


def _cause(entry: HistoryEntry) -> str:
    """Return what changed the count, or nothing if it was one more article."""
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
            format_time(article.published_at),
            article.leaning.value if article.leaning else "-",
            Text("copy" if article.copy_of else "", "dim"),
            Text(escape(article.outlet or "-")),
            one_line(article.title),
        )
    print_table(screen, rows)


def _print_outlets(screen: Console, story: Story) -> None:
    if not story.outlets:
        return
    print_heading(screen, "Outlets")
    ranked = sorted(story.outlets.items(), key=lambda pair: (-pair[1], pair[0]))
    omitted = story.outlet_count - len(ranked)
    outlets = ", ".join(f"{escape(outlet)} {number:,}" for outlet, number in ranked)
    screen.print(Text(outlets + (f", and {count(omitted, 'other outlet')}" if omitted > 0 else "")))


def print_others(screen: Console, heading: str, ids: tuple[str, ...], stories: Mapping[str, Story]) -> None:
    """Print a heading and the stories of these ids, one per line; nothing if there are none."""
    if not ids:
        return
    print_heading(screen, heading)
    for story_id in ids:
        screen.print(id_and_title(story_id, stories), no_wrap=True, overflow="ellipsis")


def id_and_title(story_id: str, stories: Mapping[str, Story]) -> Text:
    """Return the story's id and its title; the id alone if the story is not in `stories`."""
    other = stories.get(story_id)
    return Text(escape(story_id)) if other is None else Text(f"{escape(story_id)}  {escape(other.title)}")


def print_heading(screen: Console, heading: str) -> None:
    """Print an empty line and a heading."""
    screen.print()
    screen.print(Text(heading, "bold underline"))
