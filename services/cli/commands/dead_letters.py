"""`newsloom dead-letters`: list the records that were rejected, show one, or send them back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import closing
from typing import Any, TypeVar

import click

from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.log import open_log
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.dead_letter_replay import DeadLetterRecord, read_dead_letters, replay
from newsloom.streaming.dead_letters import REASON, TOPIC
from newsloom.streaming.log import Log
from newsloom.streaming.records import PartitionOffset
from newsloom.terminal import escape
from services.cli.commands import format_option
from services.cli.views.dead_letter import dead_letter_row, print_dead_letter, print_dead_letters
from services.cli.views.formatting import console, count, is_terminal, print_structs

F = TypeVar("F", bound=Callable[..., Any])


class _PositionType(click.ParamType[PartitionOffset]):
    name = "letter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> PartitionOffset:
        partition, slash, offset = str(value).rpartition("/")
        if not offset.isdecimal() or (slash and not partition.isdecimal()):
            self.fail(f"{value!r} is not PARTITION/OFFSET, such as 0/17 (17 alone means 0/17)", param, ctx)
        return PartitionOffset(int(partition or 0), int(offset))


def _filter_options(function: F) -> F:
    """Add the options that select letters. `list` and `replay` share them, so that `list` shows what `replay` would send."""
    topic = click.option("--topic", metavar="NAME", help="Only letters from this topic (its full name).")
    reason = click.option("--reason", metavar="TEXT", help="Only letters whose reason contains this text.")
    return reason(topic(function))


@click.group(name="dead-letters")
def command() -> None:
    """Show rejected records, and send them back.

    A dead letter is the original record with the reason in additional headers. It waits until it is replayed or until its
    topic deletes it (after 90 days).

    \b
    Examples:
      newsloom dead-letters list
      newsloom dead-letters show 0/17
      newsloom dead-letters replay --reason 'vector of 768'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap


@command.command(name="list")
@_filter_options
@click.option("--all", "every", is_flag=True, help="Replayed letters too.")
@format_option("an object per line")
@click.pass_obj
def list_(settings: Settings, *, reason: str | None, topic: str | None, every: bool, form: str) -> None:
    """List the waiting letters, oldest first.

    Letters are listed by partition.

    \b
    Examples:
      newsloom dead-letters list --topic news.articles
      newsloom dead-letters list --all --format json | jq -r .reason | sort | uniq -c
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with closing(open_log(settings)) as log:
        rows = [
            dead_letter_row(letter)
            for letter in read_dead_letters(log, topic_name(settings, DEAD_LETTERS))
            if (every or not letter.replayed) and _matches(letter, reason, topic)
        ]
    rows.sort(key=lambda row: (row.partition, row.offset))
    if form == "json":
        print_structs(rows)
    elif rows:
        print_dead_letters(console(), rows)
    else:
        none = _none(is_selection=reason is not None or topic is not None)
        click.echo(none if every else f"{none} wait (`--all` lists replayed ones too)", err=True)


@command.command(name="show")
@click.argument("position", metavar="PARTITION/OFFSET", type=_PositionType())
@click.option("--raw", is_flag=True, help="Only the value, byte for byte.")
@click.pass_obj
def show(settings: Settings, position: PartitionOffset, raw: bool) -> None:
    """Show a letter's reason, headers and value.

    \b
    Examples:
      newsloom dead-letters show 0/17
      newsloom dead-letters show 0/17 --raw > article.json
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with closing(open_log(settings)) as log:
        (letter,) = _find(log, topic_name(settings, DEAD_LETTERS), {position})
    if raw:
        if is_terminal():
            raise click.UsageError(
                "--raw prints unescaped bytes, which could control the terminal: redirect them to a file or a program"
            )
        click.echo(letter.record.value or b"", nl=False)
    else:
        print_dead_letter(console(), letter)


@command.command(name="replay")
@click.argument("positions", metavar="[PARTITION/OFFSET]...", type=_PositionType(), nargs=-1)
@_filter_options
@click.pass_obj
def replay_(
    settings: Settings, positions: tuple[PartitionOffset, ...], *, reason: str | None, topic: str | None
) -> None:
    """Send waiting letters back to their topics.

    Sends all, those listed, or those that the options select. Run it after the cause is fixed: in a service, its settings or
    the record's producer. Each letter is sent once: the same transaction marks it as replayed in the dead-letter topic, so a
    second replay does not send it again. Letters that are not selected keep waiting. A record that is rejected again becomes a
    new letter. A record keeps its timestamp, unless it is so old that its topic would soon delete it. Exit status 1: a listed
    letter does not exist, or the headers of one do not name its topic. `newsloom dead-letters list` with the same options
    shows what would be sent.

    \b
    Examples:
      newsloom dead-letters replay
      newsloom dead-letters replay 0/17 0/21
      newsloom dead-letters replay --topic news.article-vectors --reason 'vector of 768'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    dead_letters = topic_name(settings, DEAD_LETTERS)
    listed = frozenset(positions)

    def wanted(letter: DeadLetterRecord) -> bool:
        return (not listed or letter.record.position in listed) and _matches(letter, reason, topic)

    with closing(open_log(settings)) as log:
        for letter in _find(log, dead_letters, listed) if listed else ():
            if letter.replayed:
                click.echo(f"{letter.record.position} was replayed before; it is not sent again", err=True)
        outcome = replay(
            log, dead_letters, writer_name=f"{dead_letters}-replay", wanted=wanted, now_ms=time.time_ns() // 1_000_000
        )
    for target, number in sorted(outcome.sent.items()):
        click.echo(f"sent {count(number, 'dead letter')} back to {escape(target)}")
    if not outcome.sent:
        none = _none(is_selection=bool(listed) or reason is not None or topic is not None)
        click.echo(f"nothing to send: {none} wait")
    if outcome.without_origin:
        names = ", ".join(map(str, outcome.without_origin))
        raise click.ClickException(f"not sent, because their headers do not name the topic they came from: {names}")


def _find(log: Log, topic: str, positions: Collection[PartitionOffset]) -> list[DeadLetterRecord]:
    found = [letter for letter in read_dead_letters(log, topic) if letter.record.position in positions]
    if missing := sorted(set(positions) - {letter.record.position for letter in found}):
        names = ", ".join(map(str, missing))
        raise click.ClickException(f"there is no dead letter {names}: `newsloom dead-letters list --all` lists them")
    return found


def _none(*, is_selection: bool) -> str:
    return "no such dead letters" if is_selection else "no dead letters"


def _matches(letter: DeadLetterRecord, reason: str | None, topic: str | None) -> bool:
    record = letter.record
    return (reason is None or reason in (record.header(REASON) or "")) and topic in {None, record.header(TOPIC)}
