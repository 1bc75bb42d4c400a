"""`newsloom watch`: story updates as they are published."""

from __future__ import annotations

from contextlib import suppress

import click

from newsloom.settings import Settings
from newsloom.subscribe import Newsloom
from services.cli.commands import format_option
from services.cli.views.formatting import console, print_structs
from services.cli.views.update import print_update


@click.command(name="watch")
@click.option("--from-start", is_flag=True, help="Start with the oldest update on the log, not with the next one.")
@click.option("--story", metavar="ID", default="", help="Only this story: its id, or the beginning of it.")
@click.option("--edition", metavar="NAME", help="Only this edition.")
@format_option("a StoryUpdate per line")
@click.option(
    "--until-idle",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="Exit after this time without a new update. [never]",
)
@click.pass_obj
def command(
    settings: Settings, *, from_start: bool, story: str, edition: str | None, form: str, until_idle: float | None
) -> None:
    """Show story updates as they are published.

    Runs until Ctrl-C. A line shows the time, what happened, how many articles the story has and had before, how many of them
    lean left, center and right, the title and the story's id.

    \b
    Examples:
      newsloom watch
      newsloom watch --from-start --story st-k3v9
      newsloom watch --from-start --until-idle 5 --format json > updates.jsonl
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    screen = console()
    # Ctrl-C is the normal way to stop watching.
    with suppress(KeyboardInterrupt), Newsloom.open(settings) as newsloom:
        for update in newsloom.updates(start="earliest" if from_start else "latest", idle_s=until_idle):
            if not update.story_id.startswith(story) or edition not in {None, update.edition}:
                continue
            if form == "json":
                print_structs([update])
            else:
                print_update(screen, update)
