"""Print the stories and counts at the end of the demo."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from newsloom.contracts.story import HistoryEntry, Story
from newsloom.terminal import escape
from services.cli.views.formatting import count, leaning_counts
from services.ingest.runner import IngestResult
from services.local.demo_result import DemoResult


def last_entry_per_day(history: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """Return the last entry of each day in UTC: an entry for every article would be too many for a line."""
    days: dict[date, HistoryEntry] = {}
    for entry in history:
        days[entry.at.date()] = entry
    return list(days.values())


def print_stories(screen: Console, result: DemoResult) -> None:
    """Print each story of several articles with its history, then the number of articles that are alone."""
    several = [story for story in result.stories if story.article_count > 1]
    for story in several:
        _print_story(screen, story)
    single = len(result.stories) - len(several)
    if single:
        screen.print(f"and {count(single, 'article')} that no other outlet has reported on yet\n")


def _print_story(screen: Console, story: Story) -> None:
    days = Text(" -> ").join(
        Text.assemble(count(entry.article_count, "article"), (f" ({entry.at:%-d %b})", "dim"))
        for entry in last_entry_per_day(story.history)
    )
    copies = story.article_count - story.report_count
    kinds = f"{count(story.report_count, 'report')} and {copies:,} {'copy' if copies == 1 else 'copies'}"
    screen.print(Text(escape(story.title), "bold"))
    screen.print(Padding(days, (0, 0, 0, 2), expand=False))
    screen.print(
        Text.assemble("  ", leaning_counts(story.leanings), f"   {kinds}, {count(story.outlet_count, 'outlet')}\n")
    )


def print_counts(screen: Console, ingested: IngestResult, result: DemoResult, *, seconds: float) -> None:
    """Print the counts, from the sample's lines to the stories; they account for every line."""
    records, stories = result.records, result.stories
    kept = sum(story.article_count for story in stories)
    screen.print(
        f"{count(ingested.lines, 'line')}: {count(records.new, 'article')}, {count(records.duplicates, 'duplicate')}, "
        f"{count(records.corrections, 'correction')}, {count(records.retractions, 'retraction')}, "
        f"{ingested.rejected:,} rejected"
    )
    several = sum(story.article_count > 1 for story in stories)
    merges = f"; {result.merged:,} merged into another" if result.merged else ""
    screen.print(f"{count(kept, 'article')} kept, in {several:,} stories and {len(stories) - several:,} alone{merges}")
    letters = count(result.dead_letters, "dead letter") if result.dead_letters else "no dead letters"
    screen.print(f"{letters}; {seconds:.0f} s\n")
