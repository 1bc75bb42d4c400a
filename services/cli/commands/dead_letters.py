"""`newsloom dead-letters`: what could not be processed, why, and how it gets another chance."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any, Final, TypeVar

import click
from rich.text import Text

from newsloom.contracts.codec import encode
from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.log import open_log
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.dead_letter_replay import DeadLetterRecord, read_dead_letters, replay
from newsloom.streaming.dead_letters import REASON, TOPIC
from newsloom.streaming.log import Log
from newsloom.streaming.records import PartitionOffset
from newsloom.terminal import escape
from services.cli.views.dead_letter import LetterLine, letter_line, print_letter
from services.cli.views.formatting import console, count, is_terminal, moment, print_json, print_table, table

FULL_COLUMNS: Final = 120
"""Below this width a list leaves the reason its room: no more than letter and reason."""

F = TypeVar("F", bound=Callable[..., Any])


class _PlaceType(click.ParamType[PartitionOffset]):
    name = "letter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> PartitionOffset:
        partition, slash, offset = str(value).rpartition("/")
        if not offset.isdecimal() or (slash and not partition.isdecimal()):
            self.fail(f"{value!r} is not PARTITION/OFFSET, such as 0/17 (17 alone means 0/17)", param, ctx)
        return PartitionOffset(int(partition or 0), int(offset))


def _filters(function: F) -> F:
    """The options that choose letters: the same for `list` and `replay`, so that the one shows what the other would send."""
    function = click.option("--topic", metavar="NAME", help="Only letters that came from this topic (its full name).")(
        function
    )
    return click.option("--reason", metavar="TEXT", help="Only letters whose reason contains this text.")(function)


@click.group(name="dead-letters")
def command() -> None:
    """See what could not be processed and why, and send it back after a fix.

    A dead letter is a record as it came, with the reason in added headers. It waits until it is replayed or its topic
    forgets it (after 90 days).

    \b
    Examples:
      newsloom dead-letters list
      newsloom dead-letters show 0/17
      newsloom dead-letters replay --reason 'vector of 768'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap


@command.command(name="list")
@_filters
@click.option("--all", "every", is_flag=True, help="Replayed letters too.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: an object a line.")
@click.pass_obj
def list_(settings: Settings, *, reason: str | None, topic: str | None, every: bool, form: str) -> None:
    """List the letters that wait, the oldest of each partition first.

    \b
    Examples:
      newsloom dead-letters list --topic news.articles
      newsloom dead-letters list --all --format json | jq -r .reason | sort | uniq -c
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with closing(open_log(settings)) as log:
        lines = [
            letter_line(letter)
            for letter in read_dead_letters(log, topic_name(settings, DEAD_LETTERS))
            if (every or not letter.replayed) and _matches(letter, reason, topic)
        ]
    lines.sort(key=lambda line: (line.partition, line.offset))
    if form == "json":
        for line in lines:
            print_json(encode(line))
    elif lines:
        _print_list(lines)
    else:
        click.echo(
            "no such dead letters" if every else "no such dead letters wait (`--all` lists replayed ones too)", err=True
        )


@command.command(name="show")
@click.argument("place", metavar="PARTITION/OFFSET", type=_PlaceType())
@click.option("--raw", is_flag=True, help="Only the value, byte for byte.")
@click.pass_obj
def show(settings: Settings, place: PartitionOffset, raw: bool) -> None:
    """Show one letter in full: why it is here, its headers and its value.

    \b
    Examples:
      newsloom dead-letters show 0/17
      newsloom dead-letters show 0/17 --raw > article.json
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with closing(open_log(settings)) as log:
        letter = next(
            (
                letter
                for letter in read_dead_letters(log, topic_name(settings, DEAD_LETTERS))
                if letter.record.position == place
            ),
            None,
        )
    if letter is None:
        raise click.ClickException(_absent([place]))
    if raw:
        if is_terminal():
            raise click.UsageError(
                "--raw writes bytes as they came, which may steer a terminal: send them to a file or a program"
            )
        click.echo(letter.record.value or b"", nl=False)
    else:
        print_letter(console(), letter)


@command.command(name="replay")
@click.argument("places", metavar="[PARTITION/OFFSET]...", type=_PlaceType(), nargs=-1)
@_filters
@click.pass_obj
def replay_(settings: Settings, places: tuple[PartitionOffset, ...], *, reason: str | None, topic: str | None) -> None:
    """Send waiting letters back to the topics they came from: all, those named, or those the options choose.

    Do it after a fix: of a service, of its settings, or of what it stumbled over. Each letter is sent once: that it was is
    recorded in the dead-letter topic, in the same transaction, so a second replay does not send it again, and letters that
    were not chosen go on waiting. A record that is rejected again becomes a new letter. A record keeps its timestamp, unless
    it is so old that its topic would soon forget it. Exit status 1: a letter that was
    named does not exist, or one does not say where it came from. `newsloom dead-letters list` with the same options shows
    what would be sent.

    \b
    Examples:
      newsloom dead-letters replay
      newsloom dead-letters replay 0/17 0/21
      newsloom dead-letters replay --topic news.article-vectors --reason 'vector of 768'
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    dead_letters = topic_name(settings, DEAD_LETTERS)
    chosen = frozenset(places)

    def wanted(letter: DeadLetterRecord) -> bool:
        return (not chosen or letter.record.position in chosen) and _matches(letter, reason, topic)

    with closing(open_log(settings)) as log:
        if chosen:
            _check_named(log, dead_letters, chosen)
        outcome = replay(
            log, dead_letters, writer_name=f"{dead_letters}-replay", wanted=wanted, now_ms=time.time_ns() // 1_000_000
        )
    for target, number in sorted(outcome.sent.items()):
        click.echo(f"sent {count(number, 'dead letter')} back to {escape(target)}")
    if not outcome.sent:
        click.echo("nothing to send: no such dead letters wait")
    if outcome.without_origin:
        named = ", ".join(map(str, outcome.without_origin))
        raise click.ClickException(f"not sent, because their headers do not say where they came from: {named}")


def _check_named(log: Log, dead_letters: str, chosen: frozenset[PartitionOffset]) -> None:
    found = {
        letter.record.position: letter.replayed
        for letter in read_dead_letters(log, dead_letters)
        if letter.record.position in chosen
    }
    if absent := sorted(chosen - set(found)):
        raise click.ClickException(f"{_absent(absent)}; nothing was sent")
    for place in sorted(place for place, replayed in found.items() if replayed):
        click.echo(f"{place} was replayed before; it is not sent again", err=True)


def _matches(letter: DeadLetterRecord, reason: str | None, topic: str | None) -> bool:
    record = letter.record
    return (reason is None or reason in (record.header(REASON) or "")) and topic in {None, record.header(TOPIC)}


def _absent(places: list[PartitionOffset]) -> str:
    return f"there is no dead letter {', '.join(map(str, places))}: `newsloom dead-letters list --all` lists them"


def _print_list(lines: list[LetterLine]) -> None:
    screen = console()
    narrow = screen.width < FULL_COLUMNS
    rows = table("letter", "reason") if narrow else table("letter", "time", "service", "from", "bytes", "key", "reason")
    for line in lines:
        place = line.place + (" replayed" if line.replayed else "")
        # Not cut, as titles are: the reason is what one came for.
        reason = Text(escape(line.reason))
        if narrow:
            rows.add_row(place, reason)
            continue
        rows.add_row(
            place,
            moment(datetime.fromisoformat(line.time)),
            escape(line.service),
            f"{escape(line.topic)} {escape(line.origin)}",
            "-" if line.bytes is None else f"{line.bytes:,}",
            "-" if line.key is None else escape(line.key),
            reason,
        )
    print_table(screen, rows)
