"""What the commands show on a terminal. Text from outside never reaches it as it came: see `newsloom.terminal`."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from newsloom.contracts.article import Leaning
from newsloom.contracts.command import CommandRef
from newsloom.terminal import escape, escape_json

NARROW_COLUMNS: Final = 80
"""Below this width tables leave out what is not essential."""
CELL_COLUMNS_MAX: Final = 32
"""On a terminal no column but the last is wider: an id or an outlet may have hundreds of characters."""
SHORT_ID_CHARACTERS: Final = 11
"""`st-` and 8 of the 16 characters: enough to name a story to `newsloom stories`."""

_PIPED_WIDTH: Final = 1_000_000
_LEANING_STYLES: Final = {Leaning.LEFT: "blue", Leaning.CENTER: "default", Leaning.RIGHT: "red"}


def console() -> Console:
    """Standard output: coloured and as wide as the terminal is; plain and never cut when it is piped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character gets its escape, not an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    width = None if is_terminal() else _PIPED_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def print_json(value: bytes) -> None:
    """A line of JSON on standard output: as it is encoded, or for a terminal the same with more of it escaped."""
    click.echo(escape_json(value) if is_terminal() else value)


def count(number: int, noun: str) -> str:
    """Such as `1 article`, `1,204 articles`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def moment(time: datetime) -> str:
    """The time in UTC, to the minute: `2025-04-18 09:12Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def short_id(story_id: str, console: Console) -> str:
    """The story's id: the whole of it where it is piped, enough of it to name the story on a terminal."""
    return escape(story_id[:SHORT_ID_CHARACTERS] if console.is_terminal else story_id)


def leaning_counts(leanings: Mapping[str, int]) -> Text:
    """Articles by leaning, such as `L3 C7 R2`."""
    parts = [Text(f"{side.name[0]}{leanings.get(side.value, 0)}", style) for side, style in _LEANING_STYLES.items()]
    return Text(" ").join(parts)


def signature(command: CommandRef) -> str:
    """What a command is known by: `merge by Jane, 2025-04-18 12:05Z: one and the same verdict`."""
    return f"{command.kind.value} by {escape(command.by)}, {moment(command.issued_at)}: {escape(command.why)}"


def cut(text: str) -> Text:
    """The text as `escape`, on one line: cut where the terminal or the column ends, never when it is piped."""
    return Text(escape(text), no_wrap=True, overflow="ellipsis")


def table(*columns: str, numbers: int = 0) -> Table:
    """A plain table with these heads, the first `numbers` of them over numbers. Cells of the last column should be `cut`."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, head in enumerate(columns):
        # The last column gives way first.
        last = place == len(columns) - 1
        made.add_column(head, justify="right" if place < numbers else "left", no_wrap=not last)
    return made


def print_table(console: Console, table: Table) -> None:
    """Print the table; without the blanks that fill its last column, where a program may read it."""
    if console.is_terminal:
        for column in table.columns[:-1]:
            column.max_width = CELL_COLUMNS_MAX
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    console.file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())
