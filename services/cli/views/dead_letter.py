"""Print dead letters as a table, in full, or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec
from rich.console import Console
from rich.text import Text

from newsloom.contracts.cloudevents import rfc3339
from newsloom.streaming.dead_letter_replay import DeadLetterRecord
from newsloom.streaming.dead_letters import HEADER_PREFIX, OFFSET, PARTITION, REASON, SERVICE, TOPIC
from newsloom.streaming.records import Record
from newsloom.terminal import escape, escape_lines
from services.cli.views.formatting import format_time, print_table, table

HEX_BYTES: Final = 16
UNKNOWN: Final = "?"
FULL_COLUMNS: Final = 120
"""On a narrower terminal, the table has only the columns letter and reason."""


class DeadLetterRow(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as `dead-letters list --format json` prints it.

    `origin` is its partition and offset in `topic`, `bytes` the size of its value, null for a record without a value.
    """

    partition: int
    offset: int
    time: str
    service: str
    topic: str
    origin: str
    reason: str
    key: str | None
    bytes: int | None
    replayed: bool

    @property
    def position(self) -> str:
        """The letter's name on the command line: partition and offset."""
        return f"{self.partition}/{self.offset}"


def dead_letter_row(letter: DeadLetterRecord) -> DeadLetterRow:
    """Summarize the letter; a header that it lacks becomes `?`."""
    record = letter.record
    return DeadLetterRow(
        partition=record.partition,
        offset=record.offset,
        time=rfc3339(_time(record)),
        service=record.header(SERVICE) or UNKNOWN,
        topic=record.header(TOPIC) or UNKNOWN,
        origin=f"{record.header(PARTITION) or UNKNOWN}/{record.header(OFFSET) or UNKNOWN}",
        reason=record.header(REASON) or UNKNOWN,
        key=_text(record.key),
        bytes=None if record.value is None else len(record.value),
        replayed=letter.replayed,
    )


def print_dead_letters(screen: Console, letters: Iterable[DeadLetterRow]) -> None:
    """Print a table of the letters."""
    narrow = screen.width < FULL_COLUMNS
    rows = table("letter", "reason") if narrow else table("letter", "time", "service", "from", "bytes", "key", "reason")
    for letter in letters:
        position = letter.position + (" replayed" if letter.replayed else "")
        # Not truncated as titles are: the reason is what the reader is looking for.
        reason = Text(escape(letter.reason))
        if narrow:
            rows.add_row(position, reason)
            continue
        rows.add_row(
            position,
            format_time(datetime.fromisoformat(letter.time)),
            escape(letter.service),
            f"{escape(letter.topic)} {escape(letter.origin)}",
            "-" if letter.bytes is None else f"{letter.bytes:,}",
            "-" if letter.key is None else escape(letter.key),
            reason,
        )
    print_table(screen, rows)


def print_dead_letter(screen: Console, letter: DeadLetterRecord) -> None:
    """Print the letter in full: state, reason, origin, headers, and its value in the most readable form."""
    row = dead_letter_row(letter)
    state = "replayed" if letter.replayed else "waiting"
    screen.print(Text(f"dead letter {row.position}, {state}, {row.time}", "bold"))
    screen.print(Text(f"rejected by {escape(row.service)}: {escape(row.reason)}"))
    screen.print(Text(f"came from {escape(row.topic)} {escape(row.origin)}"))
    screen.print(Text("no key" if row.key is None else f"key {escape(row.key)}"))
    for name, value in letter.record.headers:
        if not name.startswith(HEADER_PREFIX):
            screen.print(Text(f"{escape(name)}: {escape(value.decode('utf-8', 'backslashreplace'))}"))
    screen.print()
    for text in value_lines(letter.record.value):
        screen.print(Text(text))


def value_lines(value: bytes | None) -> list[str]:
    """Return the value as indented JSON if it is JSON, as escaped text if it is text, else as a hex dump."""
    if value is None:
        return ["(no value: a retraction)"]
    try:
        msgspec.json.decode(value)
        return escape_lines(msgspec.json.format(value, indent=2).decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return _hex_dump(value)
    return _hex_dump(value) if "\0" in text else escape_lines(text)


def _hex_dump(value: bytes) -> list[str]:
    lines = []
    for start in range(0, len(value), HEX_BYTES):
        chunk = value[start : start + HEX_BYTES]
        ascii_text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)  # noqa: PLR2004 - printable ASCII
        lines.append(f"{start:08x}  {chunk.hex(' '):{HEX_BYTES * 3 - 1}}  {ascii_text}")
    return lines


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode("utf-8", "backslashreplace")


def _time(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
