"""`newsloom stories`: list the stories, show one, or correct them."""

from __future__ import annotations

import click

from newsloom.contracts.story import Story, StoryState
from newsloom.settings import Settings
from newsloom.story_lookup import find_story
from newsloom.subscribe import Newsloom
from services.cli.commands import format_option
from services.cli.commands.stories.corrections import merge, move, pin, split
from services.cli.views.formatting import console, print_structs
from services.cli.views.story import print_stories, print_story

ROWS = 50


@click.command(name="list")
@click.argument("story_id", metavar="[ID]", required=False)
@click.option("--all", "every", is_flag=True, help="Closed and merged stories too.")
@click.option("--edition", metavar="NAME", help="Only this edition.")
@click.option(
    "--min-articles", metavar="N", type=click.IntRange(min=0), default=0, help="Only stories of at least N articles."
)
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=0), help=f"At most N stories, 0 for all. [{ROWS}; in JSON: all]"
)
@format_option("a Story per line, sorted by id")
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
    """List the open stories, or show one in full.

    The latest updated story comes first. ID is a story's id, or a beginning of it that no other story has. The list in JSON
    contains stories in every state. Exit status 1: there is no such story.

    \b
    Examples:
      newsloom stories --min-articles 5
      newsloom stories st-k3v9
      newsloom stories --format json | jq .title
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with Newsloom.open(settings) as newsloom:
        stories = newsloom.stories()
    if story_id is not None:
        story = find_story(stories, story_id)
        if form == "json":
            print_structs([story])
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
        by_id = sorted(chosen[: limit or None], key=lambda story: story.id)
        print_structs(by_id)
    else:
        _print_list(chosen, ROWS if limit is None else limit)


class _Stories(click.Group):
    """Make `list` the default: `newsloom stories [ID]` with its options is `newsloom stories list [ID]`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_named = args[:1] and (args[0] in self.commands or args[0] in self.get_help_option_names(ctx))
        return super().parse_args(ctx, args if is_named else [list_stories.name or "", *args])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        del ctx
        return ["[[list] [OPTIONS] [ID] | COMMAND ...]"]


@click.group(name="stories", cls=_Stories)
def command() -> None:
    """List stories, show one in full, or correct it.

    Without a command, `newsloom stories` is `newsloom stories list`; `newsloom stories list --help` shows its options. A
    correction is applied in order with the articles, is stored with its author and reason, and is never undone by the engine.

    \b
    Examples:
      newsloom stories --min-articles 5
      newsloom stories st-k3v9
      newsloom stories merge st-k3v9 st-h22a --why 'one and the same verdict'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap


for _subcommand in (list_stories, merge, split, move, pin):
    command.add_command(_subcommand)


def _print_list(chosen: list[Story], limit: int) -> None:
    rows = chosen[: limit or None]
    if not rows:
        click.echo("no such stories (`--all` shows closed and merged ones too)", err=True)
        return
    print_stories(console(), rows)
    if len(rows) < len(chosen):
        click.echo(f"{len(rows)} of {len(chosen)} stories; `--limit 0` shows all", err=True)
