"""`newsloom watch`: story updates as they are published."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from newsloom.contracts.codec import encode
from newsloom.contracts.story import Cause, StoryUpdate, UpdateKind
from newsloom.settings import Settings
from newsloom.subscribe import Newsloom
from newsloom.terminal import escape
from services.cli.views.formatting import (
    NARROW_COLUMNS,
    console,
    count,
    leaning_counts,
    moment,
    print_json,
    short_id,
    signature,
)

FULL_COLUMNS: Final = 110
"""Below this width a line leaves the title its room: no leanings, no id, no note."""

_STYLES: Final = {UpdateKind.CREATED: "green", UpdateKind.CLOSED: "dim", UpdateKind.MERGED: "magenta"}


@click.command(name="watch")
@click.option("--from-start", is_flag=True, help="Begin with the earliest update kept, not with the next one.")
@click.option("--story", metavar="ID", default="", help="Only this story: its id, or the beginning of it.")
@click.option("--edition", metavar="NAME", help="Only this edition.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: a StoryUpdate a line."
)
@click.option(
    "--until-idle",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="End when nothing more came for so long. [never]",
)
@click.pass_obj
def command(
    settings: Settings, *, from_start: bool, story: str, edition: str | None, form: str, until_idle: float | None
) -> None:
    """Show story updates as they are published, one a line, until Ctrl-C.

    A line says when, what happened, how many articles the story has now and had before, how many of them lean left, center
    and right, the title and the story's id.

    \b
    Examples:
      newsloom watch
      newsloom watch --from-start --story st-k3v9
      newsloom watch --from-start --until-idle 5 --format json > updates.jsonl
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    screen = console()
    # Ctrl-C is how one stops watching.
    with (
        suppress(KeyboardInterrupt),
        Newsloom.open(settings) as newsloom,
    ):
        for update in newsloom.updates(start="earliest" if from_start else "latest", idle_s=until_idle):
            if not update.story_id.startswith(story) or edition not in {None, update.edition}:
                continue
            if form == "json":
                print_json(encode(update))
            else:
                print_update(screen, update)


def print_update(screen: Console, update: StoryUpdate) -> None:
    """One line for the update, written at once; cut at the terminal's edge, whole when piped."""
    kind = Text(f"{update.kind.value:7}", _STYLES.get(update.kind, ""))
    title = Text(escape(update.title), "bold")
    counts = Text(f"{_counts(update):>22}")
    if screen.width < NARROW_COLUMNS:
        parts = [Text(f"{update.article_count:>5,}"), kind, title]
    elif screen.width < FULL_COLUMNS:
        parts = [Text(moment(update.at)), kind, counts, title]
    else:
        note = [Text(note) for note in (_lineage(update, screen), _cause(update)) if note]
        story_id = Text(short_id(update.story_id, screen))
        parts = [Text(moment(update.at)), kind, counts, leaning_counts(update.leanings), story_id, *note, title]
    line = Text("  ").join(parts)
    screen.print(line, no_wrap=True, overflow="ellipsis", crop=True)
    screen.file.flush()


def _counts(update: StoryUpdate) -> str:
    if update.article_count_before in {update.article_count, 0}:
        return count(update.article_count, "article")
    return f"{count(update.article_count, 'article')}, from {update.article_count_before:,}"


def _lineage(update: StoryUpdate, screen: Console) -> str:
    """Which other stories this was about."""
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
    """Why it happened, where kind and counts do not say."""
    if update.command is not None:
        return f"({signature(update.command)})"
    if update.cause is Cause.RELATED:
        return f"({len(update.related)} related)"
    return "" if update.cause in {Cause.ARTICLE, Cause.SILENCE, Cause.SIMILARITY} else f"({update.cause.value})"
