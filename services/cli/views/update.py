"""Print a story update on one line, and the outcome of a command as a line per story."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.text import Text

from newsloom.contracts.command import CommandKind
from newsloom.contracts.story import Cause, StoryUpdate, UpdateKind
from newsloom.terminal import escape
from services.cli.views.formatting import NARROW_COLUMNS, count, format_time, leaning_counts, short_id, signature

FULL_COLUMNS: Final = 110
"""On a narrower terminal, a line omits leanings, id, lineage and cause, so that the title has room."""

_STYLES: Final = {UpdateKind.CREATED: "green", UpdateKind.CLOSED: "dim", UpdateKind.MERGED: "magenta"}


def print_update(screen: Console, update: StoryUpdate) -> None:
    """Print the update on one line and flush it. Truncate it at the edge of a terminal, never in a pipe."""
    kind = Text(f"{update.kind.value:7}", _STYLES.get(update.kind, ""))
    title = Text(escape(update.title), "bold")
    counts = Text(f"{_counts(update):>22}")
    if screen.width < NARROW_COLUMNS:
        parts = [Text(f"{update.article_count:>5,}"), kind, title]
    elif screen.width < FULL_COLUMNS:
        parts = [Text(format_time(update.at)), kind, counts, title]
    else:
        notes = [Text(note) for note in (_lineage(update, screen), _cause(update)) if note]
        story_id = Text(short_id(update.story_id, screen))
        parts = [Text(format_time(update.at)), kind, counts, leaning_counts(update.leanings), story_id, *notes, title]
    line = Text("  ").join(parts)
    screen.print(line, no_wrap=True, overflow="ellipsis", crop=True)
    screen.file.flush()


def command_outcome(updates: Iterable[StoryUpdate]) -> list[str]:
    """Return a line for each story that a command changed, from the command's updates."""
    return [line for update in updates if (line := _outcome_line(update))]


def _outcome_line(update: StoryUpdate) -> str:
    story, articles = f"story {update.story_id}", count(update.article_count, "article")
    if update.merged_into is not None:
        return f"{story} points to {update.merged_into}"
    if update.kind is UpdateKind.CREATED:
        return f"{story} is new: {articles} split off from {update.split_from}"
    if update.kind in {UpdateKind.MERGED, UpdateKind.SPLIT, UpdateKind.MOVED}:
        return f"{story} has {articles} now, {update.article_count_before:,} before"
    if update.command is not None and update.command.kind in {CommandKind.PIN, CommandKind.UNPIN}:
        return f"{story} is pinned" if update.pinned is not None else f"{story} is no longer pinned"
    return ""


def _counts(update: StoryUpdate) -> str:
    if update.article_count_before in {update.article_count, 0}:
        return count(update.article_count, "article")
    return f"{count(update.article_count, 'article')}, from {update.article_count_before:,}"


def _lineage(update: StoryUpdate, screen: Console) -> str:
    """Return the other stories of a merge or split."""
    if update.merged_into is not None:
        return f"-> merged into {short_id(update.merged_into, screen)}"
    if update.kind is UpdateKind.MERGED:
        return "<- merged with " + ", ".join(short_id(source, screen) for source in update.merged_from)
    if update.kind is UpdateKind.SPLIT and update.split_into:
        return f"-> split into {short_id(update.split_into[-1], screen)}"
    if update.split_from is not None and update.kind is UpdateKind.CREATED:
        return f"<- split from {short_id(update.split_from, screen)}"
    return ""


def _cause(update: StoryUpdate) -> str:
    """Return the cause, unless kind and counts make it obvious."""
    if update.command is not None:
        return f"({signature(update.command)})"
    if update.cause is Cause.RELATED:
        return f"({len(update.related)} related)"
    if update.late:
        return "(late)"
    return "" if update.cause in {Cause.ARTICLE, Cause.SILENCE, Cause.SIMILARITY} else f"({update.cause.value})"
