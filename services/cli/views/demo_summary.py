"""What the demo prints when it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from newsloom.contracts.story import HistoryEntry, Story, StoryState
from newsloom.contracts.topics import ARTICLES, DEAD_LETTERS
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from newsloom.subscribe import Newsloom
from newsloom.terminal import escape
from services.cli.views.formatting import count, leaning_counts
from services.ingest.runner import IngestReport


@dataclass(frozen=True, slots=True)
class Sendings:
    """What the records of `articles` were to one another."""

    new: int
    repeats: int
    corrections: int
    retractions: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What stands on the log after the demo. `stories` come largest first, without those merged into others."""

    stories: tuple[Story, ...]
    merged: int
    sendings: Sendings
    dead_letters: int


def read_outcome(log: Log, settings: Settings) -> Outcome:
    """The outcome, read back from the log as a subscriber would."""
    stories = Newsloom(log, topic_prefix=settings.topic_prefix).stories().values()
    standing = [story for story in stories if story.state is not StoryState.MERGED and story.article_count]
    return Outcome(
        stories=tuple(sorted(standing, key=lambda story: (-story.article_count, story.first_published_at, story.id))),
        merged=sum(story.state is StoryState.MERGED for story in stories),
        sendings=count_sendings(read_topic(log, topic_name(settings, ARTICLES))),
        dead_letters=sum(1 for _ in read_topic(log, topic_name(settings, DEAD_LETTERS))),
    )


def count_sendings(records: Iterable[Record]) -> Sendings:
    """Tells new articles from repeats and corrections, by id and content."""
    latest: dict[bytes | None, bytes | None] = {}
    new = repeats = corrections = retractions = 0
    for record in records:
        if record.value is None:
            retractions += 1
        elif latest.get(record.key) is None:
            new += 1
        elif latest[record.key] == record.value:
            repeats += 1
        else:
            corrections += 1
        latest[record.key] = record.value
    return Sendings(new, repeats, corrections, retractions)


def ends_of_days(history: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """The last entry of each day of the stream, in UTC: every article makes an entry, too many for a line."""
    days: dict[date, HistoryEntry] = {}
    for entry in history:
        days[entry.at.date()] = entry
    return list(days.values())


def print_stories(screen: Console, outcome: Outcome) -> None:
    """Each story of several articles with its history, and how many are left."""
    several = [story for story in outcome.stories if story.article_count > 1]
    for story in several:
        _print_story(screen, story)
    single = len(outcome.stories) - len(several)
    if single:
        screen.print(f"and {count(single, 'article')} that nobody else has reported on yet\n")


def _print_story(screen: Console, story: Story) -> None:
    days = Text(" -> ").join(
        Text.assemble(count(entry.article_count, "article"), (f" ({entry.at:%-d %b})", "dim"))
        for entry in ends_of_days(story.history)
    )
    copies = story.article_count - story.report_count
    kinds = f"{count(story.report_count, 'report')} and {copies:,} {'copy' if copies == 1 else 'copies'}"
    screen.print(Text(escape(story.title), "bold"))
    screen.print(Padding(days, (0, 0, 0, 2), expand=False))
    screen.print(
        Text.assemble("  ", leaning_counts(story.leanings), f"   {kinds}, {count(story.outlet_count, 'outlet')}\n")
    )


def print_numbers(screen: Console, report: IngestReport, outcome: Outcome, *, seconds: float) -> None:
    """From the sample's lines to the stories, so that every line is accounted for."""
    sent, stories = outcome.sendings, outcome.stories
    kept = sum(story.article_count for story in stories)
    screen.print(
        f"{count(report.lines, 'line')}: {count(sent.new, 'article')}, {count(sent.repeats, 'repeat')}, "
        f"{count(sent.corrections, 'correction')}, {count(sent.retractions, 'retraction')}, {report.rejected:,} rejected"
    )
    several = sum(story.article_count > 1 for story in stories)
    merges = f"; {outcome.merged:,} merged into another" if outcome.merged else ""
    screen.print(f"{count(kept, 'article')} kept, in {several:,} stories and {len(stories) - several:,} alone{merges}")
    letters = count(outcome.dead_letters, "dead letter") if outcome.dead_letters else "no dead letters"
    screen.print(f"{letters}; {seconds:.0f} s\n")
