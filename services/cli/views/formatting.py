"""Consoles, tables and formats shared by the views. Text from outside must be escaped: see `newsloom.terminal`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from newsloom.contracts.article import Leaning
from newsloom.contracts.codec import encode
from newsloom.contracts.command import CommandRef
from newsloom.contracts.story import Story, StoryState
from newsloom.terminal import escape, escape_json

NARROW_COLUMNS: Final = 80
"""On a narrower terminal, tables omit all but the essential columns."""
CELL_COLUMNS_MAX: Final = 32
"""Maximum width, on a terminal, of every column but the last: an id or an outlet may have hundreds of characters."""
SHORT_ID_CHARACTERS: Final = 11
"""`st-` and 8 of the 16 characters: enough for `newsloom stories` to find the story."""

_PIPED_WIDTH: Final = 1_000_000
_LEANING_STYLES: Final = {Leaning.LEFT: "blue", Leaning.CENTER: "default", Leaning.RIGHT: "red"}


def console() -> Console:
    """Return a console on standard output: coloured and as wide as the terminal, or plain and never truncated in a pipe."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Print the escape of a character that the terminal's encoding lacks, instead of failing.
        sys.stdout.reconfigure(errors="backslashreplace")
    width = None if is_terminal() else _PIPED_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def print_json(value: bytes) -> None:
    """Print a line of JSON: unchanged into a pipe; on a terminal the same data with unsafe characters escaped."""
    click.echo(escape_json(value) if is_terminal() else value)


def print_structs(values: Iterable[msgspec.Struct]) -> None:
    """Print each value as a line of JSON."""
    for value in values:
        print_json(encode(value))


def count(number: int, noun: str) -> str:
    """Return number and noun, such as `1 article` or `1,204 articles`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def format_time(time: datetime) -> str:
    """Return the time in UTC, to the minute: `2025-04-18 09:12Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def short_id(story_id: str, console: Console) -> str:
    """Return the whole id in a pipe, and on a terminal as much of it as `newsloom stories` needs."""
    return escape(story_id[:SHORT_ID_CHARACTERS] if console.is_terminal else story_id)


def leaning_counts(leanings: Mapping[str, int]) -> Text:
    """Return the number of articles by leaning, such as `L3 C7 R2`."""
    parts = [Text(f"{side.name[0]}{leanings.get(side.value, 0)}", style) for side, style in _LEANING_STYLES.items()]
    return Text(" ").join(parts)


def signature(command: CommandRef) -> str:
    """Return kind, author, time and reason: `merge by Jane, 2025-04-18 12:05Z: one and the same verdict`."""
    return f"{command.kind.value} by {escape(command.by)}, {format_time(command.issued_at)}: {escape(command.why)}"


def title_and_state(story: Story) -> str:
    """Return the title, preceded by the state if the story is not open: `[closed] Title`."""
    return story.title if story.state is StoryState.OPEN else f"[{story.state.value}] {story.title}"


def one_line(text: str) -> Text:
    """Return the escaped text on one line, truncated at the edge of the terminal or column, never in a pipe."""
    return Text(escape(text), no_wrap=True, overflow="ellipsis")


def table(*columns: str, numbers: int = 0) -> Table:
    """Return a table without borders; its first `numbers` columns are right-aligned. Fill the last column with `one_line`."""
    result = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        # Only the last column shrinks when the terminal is too narrow.
        is_last = index == len(columns) - 1
        result.add_column(column, justify="right" if index < numbers else "left", no_wrap=not is_last)
    return result


def print_table(console: Console, table: Table) -> None:
    """Print the table; in a pipe without trailing blanks, since a program may read it."""
    if console.is_terminal:
        for column in table.columns[:-1]:
            column.max_width = CELL_COLUMNS_MAX
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    console.file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())
