"""`newsloom stories merge | split | move | pin`: an operator's corrections. One file, as they share options and checks."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from newsloom.command_client import WAIT_S, Rejected, new_command, send_command
from newsloom.contracts.codec import InvalidValue
from newsloom.contracts.command import MergeStories, MoveArticle, PinStory, SplitStory, StoryCommand, UnpinStory
from newsloom.contracts.story import Story, StoryState
from newsloom.lineage import merge_chain
from newsloom.settings import Settings
from newsloom.story_lookup import find_story
from newsloom.subscribe import Newsloom
from newsloom.terminal import escape
from services.cli.views.update import command_outcome

EXIT_NO_OUTCOME: Final = 75
"""sysexits.h EX_TEMPFAIL: the command was sent, and no service has processed it yet."""

F = TypeVar("F", bound=Callable[..., Any])


def _not_blank(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    del context, parameter
    if text is not None and not text.strip():
        raise click.BadParameter("must not be blank")
    return text


def _correction_options(command: F) -> F:
    """Add the options that every correction has."""
    for option in (
        click.option("--wait", "wait_s", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), default=WAIT_S,
                     help=f"How long to wait for the services to carry it out. [{WAIT_S:g}]"),
        click.option("--no-wait", is_flag=True, help="Send the command and exit."),
        click.option("--by", metavar="NAME", callback=_not_blank, help="Author of the correction. [the login name]"),
        click.option("--why", metavar="TEXT", required=True, callback=_not_blank,
                     help="Reason; it is stored with the stories and articles."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(name="merge")
@click.argument("story_id", metavar="STORY")
@click.argument("other_id", metavar="OTHER")
@_correction_options
@click.pass_obj
def merge(settings: Settings, /, *, story_id: str, other_id: str, **options: Any) -> None:
    """Merge two stories. The larger one keeps its id (the older one if they are equal); the other id points to it.

    \b
    Example:
      newsloom stories merge st-k3v9 st-h22a --why 'one and the same verdict'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    context = CommandContext(settings, **options)
    one, other = context.open_story(story_id), context.open_story(other_id)
    if one.id == other.id:
        raise click.ClickException(f"story {one.id} cannot be merged with itself")
    if one.edition != other.edition:
        raise click.ClickException(
            f"story {one.id} is in edition {one.edition!r}, story {other.id} in {other.edition!r}: "
            "stories of different editions cannot be merged"
        )
    context.send(MergeStories, one.edition, story_id=one.id, other_story_id=other.id)


@click.command(name="split")
@click.argument("story_id", metavar="STORY")
@click.argument("article_ids", metavar="ARTICLE...", nargs=-1, required=True)
@_correction_options
@click.pass_obj
def split(settings: Settings, /, *, story_id: str, article_ids: tuple[str, ...], **options: Any) -> None:
    """Move articles from their story to a new one. From then on the engine keeps the two stories apart.

    \b
    Example:
      newsloom stories split st-k3v9 hl-0418-001 mw-0418-007 --why 'another court, another verdict'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    context = CommandContext(settings, **options)
    story = context.open_story(story_id)
    chosen = tuple(dict.fromkeys(article_ids))
    for article_id in chosen:
        current = context.story_id_of(article_id, story.edition)
        if current != story.id:
            raise click.ClickException(f"article {article_id!r} is in story {current}, not in {story.id}")
    if len(chosen) >= story.article_count:
        raise click.ClickException(f"story {story.id} has no other articles: a split must leave at least one")
    context.send(SplitStory, story.edition, story_id=story.id, article_ids=chosen)


@click.command(name="move")
@click.argument("article_id", metavar="ARTICLE")
@click.argument("story_id", metavar="STORY")
@_correction_options
@click.pass_obj
def move(settings: Settings, /, *, article_id: str, story_id: str, **options: Any) -> None:
    """Move an article to another story. From then on the engine keeps the two stories apart.

    Moving the last article of a story merges the two: the emptied story's id then points to the other one.

    \b
    Example:
      newsloom stories move hl-0418-001 st-k3v9 --why 'it reports on the appeal'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    context = CommandContext(settings, **options)
    story = context.open_story(story_id)
    current = context.story_id_of(article_id, story.edition)
    if current == story.id:
        raise click.ClickException(f"article {article_id!r} is in story {story.id} already")
    context.open_story(current)
    context.send(MoveArticle, story.edition, article_id=article_id, story_id=story.id)


@click.command(name="pin")
@click.argument("story_id", metavar="STORY")
@click.option("--off", is_flag=True, help="Remove the pin.")
@_correction_options
@click.pass_obj
def pin(settings: Settings, /, *, story_id: str, off: bool, **options: Any) -> None:
    """Protect a story from changes by the engine.

    The engine will not merge it or take articles out of it. New articles may still join.

    \b
    Examples:
      newsloom stories pin st-k3v9 --why 'on the front page'
      newsloom stories pin st-k3v9 --off --why 'off the front page'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    context = CommandContext(settings, **options)
    story = context.open_story(story_id)
    if off and story.pinned is None:
        raise click.ClickException(f"story {story.id} is not pinned")
    if not off and story.pinned is not None:
        raise click.ClickException(f"story {story.id} is pinned already, by {escape(story.pinned.by)}")
    context.send(UnpinStory if off else PinStory, story.edition, story_id=story.id)


class CommandContext:
    """The stories and memberships on the log, in which most mistakes are found before a command is sent, and its options."""

    def __init__(self, settings: Settings, *, by: str | None, why: str, wait_s: float, no_wait: bool) -> None:
        self._settings = settings
        self._by = by if by is not None else _login_name()
        self._why = why
        self._wait_s = 0.0 if no_wait else wait_s
        with Newsloom.open(settings) as newsloom:
            self._stories = newsloom.stories()
            self._memberships = newsloom.memberships()

    def open_story(self, story_id: str) -> Story:
        """Return the story with this id or beginning of an id; raise `ClickException` if it does not exist or is not open."""
        story = find_story(self._stories, story_id)
        if story.state is StoryState.MERGED:
            survivor = merge_chain(story.id, self._stories)[-1]
            raise click.ClickException(f"story {story.id} was merged into story {survivor}: use that id")
        if story.state is not StoryState.OPEN:
            raise click.ClickException(f"story {story.id} is closed: only open stories can be corrected")
        return story

    def story_id_of(self, article_id: str, edition: str) -> str:
        """Return the id of the story that the article is in; raise `ClickException` if there is no such article."""
        member = self._memberships.get((edition, article_id))
        if member is None:
            raise click.ClickException(f"there is no article {article_id!r} in edition {edition!r}")
        return member.story_id

    def send(self, kind: type[StoryCommand], edition: str, **fields: Any) -> None:
        """Send the command and print its outcome; exit status 1 if it was rejected, 75 if it has no outcome yet."""
        try:
            command = new_command(kind, edition=edition, by=self._by, why=self._why, **fields)
        except InvalidValue as error:
            raise click.UsageError(str(error)) from error
        settings, wait_s = self._settings, self._wait_s
        outcome = send_command(
            command, settings.log, topic_prefix=settings.topic_prefix, kafka_options=settings.kafka, wait_s=wait_s
        )
        if isinstance(outcome, Rejected):
            raise click.ClickException(f"rejected: {escape(outcome.reason)}")
        if outcome is not None:
            for line in command_outcome(outcome.updates):
                click.echo(escape(line))
            return
        click.echo(f"sent as {command.command_id}")
        if wait_s:
            click.echo(
                f"not carried out within {wait_s:g} s: are the services running? The command stays on the log, and "
                "`newsloom watch` will show its updates",
                err=True,
            )
            raise click.exceptions.Exit(EXIT_NO_OUTCOME)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise click.UsageError("this process has no login name: name the author with --by NAME") from error
