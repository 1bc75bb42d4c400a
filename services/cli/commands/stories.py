"""`newsloom stories`: the stories as they stand, and the commands that correct them."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.console import Console

from newsloom.contracts.codec import encode
from newsloom.contracts.story import Story, StoryState
from newsloom.settings import Settings
from newsloom.story_lookup import find
from newsloom.subscribe import Newsloom
from services.cli.commands.story_commands import merge, move, pin, split
from services.cli.views.formatting import (
    NARROW_COLUMNS,
    console,
    cut,
    leaning_counts,
    moment,
    print_json,
    print_table,
    short_id,
    table,
)
from services.cli.views.story import print_story

ROWS = 50


@click.command(name="list")
@click.argument("story_id", metavar="[ID]", required=False)
@click.option("--all", "every", is_flag=True, help="Closed and merged stories too.")
@click.option("--edition", metavar="NAME", help="Only this edition.")
@click.option(
    "--min-articles", metavar="N", type=click.IntRange(min=0), default=0, help="Only stories of that many articles."
)
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=0),
    help=f"At most so many, 0 for all of them. [{ROWS}; in JSON: all]",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: a Story a line, sorted by id."
)
@click.pass_obj
def list_stories(
    settings: Settings,
    *,
    story_id: str | None,
    every: bool,
    edition: str | None,
    min_articles: int,
    limit: int | None,
    form: str,
) -> None:
    """List the open stories, the latest updated first, or show one story in full.

    ID is a story's id or as much of its beginning as no other story shares. In JSON the list holds the stories of every
    state. Exit status 1: there is no such story.

    \b
    Examples:
      newsloom stories --min-articles 5
      newsloom stories st-k3v9
      newsloom stories --format json | jq .title
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with Newsloom.open(settings) as newsloom:
        stories = newsloom.stories()
    if story_id is not None:
        story = find(stories, story_id)
        if form == "json":
            _print_json([story])
        else:
            print_story(console(), story, stories)
        return
    states = set(StoryState) if every or form == "json" else {StoryState.OPEN}
    chosen = [
        story
        for story in stories.values()
        if story.state in states and edition in {None, story.edition} and story.article_count >= min_articles
    ]
    chosen.sort(key=lambda story: (story.updated_at, story.last_published_at, story.id), reverse=True)
    if form == "json":
        _print_json(chosen[: limit or None])
    else:
        _print_list(chosen, ROWS if limit is None else limit)


class _Stories(click.Group):
    """`newsloom stories [ID]` with its options is the command `list`, which need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args[:1] and (args[0] in self.commands or args[0] in self.get_help_option_names(ctx))
        return super().parse_args(ctx, args if named else [list_stories.name or "", *args])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        del ctx
        return ["[[list] [OPTIONS] [ID] | COMMAND ...]"]


@click.group(name="stories", cls=_Stories)
def command() -> None:
    """List the open stories, show one story in full, or correct what the engine has made of them.

    Without a command, `newsloom stories` is `newsloom stories list`; `newsloom stories list --help` has its options. A
    correction is carried out in order with all else, is kept with who and why, and is never undone by the engine.

    \b
    Examples:
      newsloom stories --min-articles 5
      newsloom stories st-k3v9
      newsloom stories merge st-k3v9 st-h22a --why 'one and the same verdict'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap


for _correction in (list_stories, merge, split, move, pin):
    command.add_command(_correction)


def _print_list(chosen: list[Story], limit: int) -> None:
    rows = chosen[: limit or None]
    if not rows:
        click.echo("no such stories (`--all` shows closed and merged ones too)", err=True)
        return
    print_stories(console(), rows)
    if len(rows) < len(chosen):
        click.echo(f"{len(rows)} of {len(chosen)} stories; `--limit 0` shows all", err=True)


def print_stories(screen: Console, stories: Iterable[Story]) -> None:
    """A table of the stories; a narrow terminal gets count, id and title."""
    if screen.width < NARROW_COLUMNS:
        rows = table("articles", "id", "title", numbers=1)
        for story in stories:
            rows.add_row(f"{story.article_count:,}", short_id(story.id, screen), cut(_title(story)))
    else:
        rows = table("articles", "reports", "leanings", "updated", "id", "title", numbers=2)
        for story in stories:
            rows.add_row(
                f"{story.article_count:,}",
                f"{story.report_count:,}",
                leaning_counts(story.leanings),
                moment(story.updated_at),
                short_id(story.id, screen),
                cut(_title(story)),
            )
    print_table(screen, rows)


def _title(story: Story) -> str:
    return story.title if story.state is StoryState.OPEN else f"[{story.state.value}] {story.title}"


def _print_json(stories: list[Story]) -> None:
    for story in sorted(stories, key=lambda story: story.id):
        print_json(encode(story))
