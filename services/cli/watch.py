"""`newsloom watch`: story updates as they are published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

import click
from rich.console import Console
from rich.text import Text

from newsloom.contracts.codec import encode
from newsloom.contracts.story import Cause, StoryUpdate, UpdateKind
from newsloom.settings import Settings
from newsloom.subscribe import Newsloom, subscribe
from services.cli.render import console, count, leaning_counts, moment, short_id, shown

_STYLES = {UpdateKind.CREATED: "green", UpdateKind.CLOSED: "dim", UpdateKind.MERGED: "magenta"}


@click.command(name="watch")
@click.option("--from-start", is_flag=True, help="Begin with the earliest update kept, not with the next one.")
@click.option("--story", metavar="ID", default="", help="Only this story: its id, or the beginning of it.")
@click.option("--edition", metavar="NAME", help="Only this edition.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: a StoryUpdate a line."
)
@click.option(
    "--until-idle", metavar="SECONDS", type=click.FloatRange(min=0), help="End when nothing came for so long. [never]"
)
@click.pass_obj
def command(
    settings: Settings, *, from_start: bool, story: str, edition: str | None, form: str, until_idle: float | None
) -> None:
    r"""Show story updates as they are published, one a line, until Ctrl-C.

    A line says when, what happened, how many articles the story has now and had before, how many of them lean left, center
    and right, the title and the story's id.

    \b
    Examples:
      newsloom watch
      newsloom watch --from-start --story st-k3v9
      newsloom watch --from-start --until-idle 5 --format json > updates.jsonl
    """
    screen = console()
    # Ctrl-C is how one stops watching.
    with (
        suppress(KeyboardInterrupt),
        subscribe(settings.log, topic_prefix=settings.topic_prefix, kafka_options=settings.kafka) as newsloom,
    ):
        for update in _updates(newsloom, "earliest" if from_start else "latest", until_idle):
            if not update.story_id.startswith(story) or edition not in {None, update.edition}:
                continue
            if form == "json":
                click.echo(encode(update))
            else:
                print_update(screen, update)


def _updates(newsloom: Newsloom, start: Literal["earliest", "latest"], idle_s: float | None) -> Iterator[StoryUpdate]:
    return newsloom.updates(start=start, idle_s=idle_s)


def print_update(screen: Console, update: StoryUpdate) -> None:
    """One line for the update, written at once; cut at the terminal's edge, whole when piped."""
    line = Text.assemble(
        moment(update.at),
        "  ",
        (f"{update.kind.value:7}", _STYLES.get(update.kind, "")),
        f"  {_counts(update):>22}  ",
        leaning_counts(update.leanings),
        f"  {short_id(update.story_id, screen)}  ",
        (shown(update.title), "bold"),
        _note(update, screen),
    )
    screen.print(line, no_wrap=True, overflow="ellipsis", crop=True)
    screen.file.flush()


def _counts(update: StoryUpdate) -> str:
    if update.article_count_before in {update.article_count, 0}:
        return count(update.article_count, "article")
    return f"{count(update.article_count, 'article')}, from {update.article_count_before:,}"


def _note(update: StoryUpdate, screen: Console) -> str:
    """What the kind and the counts do not say."""
    if update.merged_into is not None:
        return f"  -> merged into {short_id(update.merged_into, screen)}"
    if update.kind is UpdateKind.MERGED:
        return "  <- merged with " + ", ".join(short_id(source, screen) for source in update.merged_from)
    if update.split_from is not None and update.kind in {UpdateKind.CREATED, UpdateKind.SPLIT}:
        return f"  <- split from {short_id(update.split_from, screen)}"
    if update.cause is Cause.RELATED:
        return f"  ({len(update.related)} related)"
    return "" if update.cause in {Cause.ARTICLE, Cause.SILENCE} else f"  ({update.cause.value})"
