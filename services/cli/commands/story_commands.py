"""`newsloom stories merge | split | move | pin`: an operator's corrections."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import click
import msgspec

from newsloom.command_client import Refused, Sending, send
from newsloom.contracts.command import (
    MergeStories,
    MoveArticle,
    PinStory,
    SplitStory,
    StoryCommand,
    UnpinStory,
)
from newsloom.contracts.story import Story, StoryState, StoryUpdate, UpdateKind
from newsloom.lineage import followed
from newsloom.log import open_log
from newsloom.settings import Settings
from newsloom.story_lookup import find
from newsloom.subscribe import Newsloom
from newsloom.terminal import escape
from services.cli.views.formatting import count

WAIT_S: Final = 30.0
EXIT_UNDECIDED: Final = 75
"""sysexits.h EX_TEMPFAIL: sent, and nobody has carried it out yet."""

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=StoryCommand)


def _not_blank(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    del context, parameter
    if text is not None and not text.strip():
        raise click.BadParameter("it says nothing")
    return text


def _signed(command: F) -> F:
    """With the options that every correction has."""
    for option in (
        click.option("--wait", "wait_s", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), default=WAIT_S,
                     help=f"How long to wait for the services to carry it out. [{WAIT_S:g}]"),
        click.option("--no-wait", is_flag=True, help="Send it, and do not wait."),
        click.option("--by", metavar="NAME", callback=_not_blank, help="Who says so. [the login name]"),
        click.option("--why", metavar="TEXT", required=True, callback=_not_blank,
                     help="Why; it stays with the stories and articles."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(name="merge")
@click.argument("story_id", metavar="STORY")
@click.argument("other_id", metavar="OTHER")
@_signed
@click.pass_obj
def merge(settings: Settings, /, *, story_id: str, other_id: str, **options: Any) -> None:
    """Make one story of two. The larger one keeps its id, the older on a tie; the other id points to it.

    \b
    Example:
      newsloom stories merge st-k3v9 st-h22a --why 'one and the same verdict'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    desk = _Desk(settings, **options)
    one, other = desk.story(story_id), desk.story(other_id)
    if one.id == other.id:
        raise click.ClickException(f"story {one.id} cannot be merged with itself")
    desk.check_edition(other, one.edition, f"story {one.id}")
    desk.send(MergeStories, {one.id, other.id}, one.edition, story_id=one.id, other_story_id=other.id)


@click.command(name="split")
@click.argument("story_id", metavar="STORY")
@click.argument("article_ids", metavar="ARTICLE...", nargs=-1, required=True)
@_signed
@click.pass_obj
def split(settings: Settings, /, *, story_id: str, article_ids: tuple[str, ...], **options: Any) -> None:
    """Let these articles leave their story for a new one of their own. The engine keeps the two apart from then on.

    \b
    Example:
      newsloom stories split st-k3v9 hl-0418-001 mw-0418-007 --why 'another court, another verdict'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    desk = _Desk(settings, **options)
    story = desk.story(story_id)
    named = tuple(dict.fromkeys(article_ids))
    for article_id in named:
        home = desk.home(article_id, story.edition)
        if home != story.id:
            raise click.ClickException(f"article {article_id!r} is in story {home}, not in {story.id}")
    if len(named) >= story.article_count:
        raise click.ClickException(f"story {story.id} has no other articles: a split must leave at least one")
    desk.send(SplitStory, {story.id}, story.edition, story_id=story.id, article_ids=named)


@click.command(name="move")
@click.argument("article_id", metavar="ARTICLE")
@click.argument("story_id", metavar="STORY")
@_signed
@click.pass_obj
def move(settings: Settings, /, *, article_id: str, story_id: str, **options: Any) -> None:
    """Take an article out of its story and put it into this one. The engine keeps the two stories apart from then on.

    Moving the last article of a story is a merge: its id then points to the other one.

    \b
    Example:
      newsloom stories move hl-0418-001 st-k3v9 --why 'it reports on the appeal'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    desk = _Desk(settings, **options)
    story = desk.story(story_id)
    home = desk.home(article_id, story.edition)
    if home == story.id:
        raise click.ClickException(f"article {article_id!r} is in story {story.id} already")
    desk.story(home)
    desk.send(MoveArticle, {home, story.id}, story.edition, article_id=article_id, story_id=story.id)


@click.command(name="pin")
@click.argument("story_id", metavar="STORY")
@click.option("--off", is_flag=True, help="Take the pin off.")
@_signed
@click.pass_obj
def pin(settings: Settings, /, *, story_id: str, off: bool, **options: Any) -> None:
    """Let the engine merge this story with no other, and take no article out of it. New articles may still join.

    \b
    Examples:
      newsloom stories pin st-k3v9 --why 'on the front page'
      newsloom stories pin st-k3v9 --off --why 'off the front page'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    desk = _Desk(settings, **options)
    story = desk.story(story_id)
    if off and story.pinned is None:
        raise click.ClickException(f"story {story.id} is not pinned")
    if not off and story.pinned is not None:
        raise click.ClickException(f"story {story.id} is pinned already, by {escape(story.pinned.by)}")
    desk.send(UnpinStory if off else PinStory, {story.id}, story.edition, story_id=story.id)


class _Desk:
    """What stands on the log when a command is typed: most mistakes can be answered at once."""

    def __init__(self, settings: Settings, *, by: str | None, why: str, wait_s: float, no_wait: bool) -> None:
        self._settings = settings
        self._signature = {"by": by if by is not None else _login_name(), "why": why}
        self._wait_s = 0.0 if no_wait else wait_s
        with closing(open_log(settings)) as log:
            newsloom = Newsloom(log, topic_prefix=settings.topic_prefix)
            self._stories = newsloom.stories()
            self._memberships = newsloom.memberships()

    def story(self, story_id: str) -> Story:
        """The open story of this id, or the only one whose id begins so; a `ClickException` if it is not there or not open."""
        story = find(self._stories, story_id)
        if story.state is StoryState.MERGED:
            survivor = followed(story.id, self._stories)[-1]
            raise click.ClickException(f"story {story.id} became part of story {survivor}: name that one")
        if story.state is not StoryState.OPEN:
            raise click.ClickException(f"story {story.id} is closed: only open stories can be corrected")
        return story

    def home(self, article_id: str, edition: str) -> str:
        """The id of the story the article is in."""
        member = self._memberships.get((edition, article_id))
        if member is None:
            raise click.ClickException(f"there is no article {article_id!r} in edition {edition!r}")
        return member.story_id

    def check_edition(self, story: Story, edition: str, beside: str) -> None:
        """Stories of two editions never mix."""
        if story.edition != edition:
            raise click.ClickException(
                f"story {story.id} is of edition {story.edition!r}, {beside} of {edition!r}: editions never mix"
            )

    def send(self, kind: type[S], stories: set[str], edition: str, **fields: Any) -> None:
        """Send the command and print what came of it; exit status 1 if it was refused, 75 if nothing came of it yet."""
        now = datetime.now(UTC)
        try:
            command = msgspec.convert(
                {
                    "kind": kind.__struct_config__.tag,
                    "command_id": f"cmd-{uuid.uuid4().hex}",
                    "edition": edition,
                    "issued_at": now,
                    **self._signature,
                    **fields,
                },
                kind,
            )
        except msgspec.ValidationError as error:
            raise click.UsageError(str(error)) from error
        with closing(open_log(self._settings)) as log:
            outcome = send(log, self._settings, Sending(command, frozenset(stories), self._wait_s), now=now)
        if isinstance(outcome, Refused):
            raise click.ClickException(f"refused: {escape(outcome.reason)}")
        if outcome is not None:
            for line in told(outcome.updates):
                click.echo(escape(line))
            return
        click.echo(f"sent as {command.command_id}")
        if self._wait_s:
            click.echo(
                f"nobody has carried it out within {self._wait_s:g} s: are the services running? It stays in the log, "
                "and `newsloom watch` will show it",
                err=True,
            )
            raise click.exceptions.Exit(EXIT_UNDECIDED)


def told(updates: Iterable[StoryUpdate]) -> list[str]:
    """What a command's updates say, a line for each story."""
    return [line for update in updates if (line := _line(update))]


def _line(update: StoryUpdate) -> str:
    story, holds = f"story {update.story_id}", count(update.article_count, "article")
    if update.merged_into is not None:
        return f"{story} points to {update.merged_into}"
    if update.kind is UpdateKind.CREATED:
        return f"{story} is new: {holds} split off from {update.split_from}"
    if update.kind in {UpdateKind.MERGED, UpdateKind.SPLIT, UpdateKind.MOVED}:
        return f"{story} has {holds} now, {update.article_count_before:,} before"
    if update.command is not None and update.command.kind.value in {"pin", "unpin"}:
        return f"{story} is pinned" if update.pinned is not None else f"{story} is no longer pinned"
    return ""


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise click.UsageError("this process has no login name: say who you are with --by NAME") from error
