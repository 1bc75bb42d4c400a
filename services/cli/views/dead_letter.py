"""One dead letter, on a terminal and in JSON."""

from __future__ import annotations

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

HEX_BYTES: Final = 16
UNKNOWN: Final = "?"


class LetterLine(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as `dead-letters list --format json` prints it. `bytes` is the size of the value, null for none."""

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
    def place(self) -> str:
        """How the letter is named on the command line."""
        return f"{self.partition}/{self.offset}"


def letter_line(letter: DeadLetterRecord) -> LetterLine:
    """What a list says of the letter. `origin` is the partition and offset at which it stood in `topic`."""
    record = letter.record
    return LetterLine(
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


def print_letter(screen: Console, letter: DeadLetterRecord) -> None:
    """The letter in full: where it comes from and why, its headers, its value as readable as it can be."""
    line = letter_line(letter)
    state = "replayed" if letter.replayed else "waiting"
    screen.print(Text(f"dead letter {line.place}, {state}, {line.time}", "bold"))
    screen.print(Text(f"rejected by {escape(line.service)}: {escape(line.reason)}"))
    screen.print(Text(f"came from {escape(line.topic)} {escape(line.origin)}"))
    screen.print(Text(f"key {UNKNOWN if line.key is None else escape(line.key)}" if line.key is not None else "no key"))
    for name, value in letter.record.headers:
        if not name.startswith(HEADER_PREFIX):
            screen.print(Text(f"{escape(name)}: {escape(value.decode('utf-8', 'backslashreplace'))}"))
    screen.print()
    for text in value_lines(letter.record.value):
        screen.print(Text(text))


def value_lines(value: bytes | None) -> list[str]:
    """The value as indented JSON if it is JSON, as escaped text if it is text, else as a hex dump."""
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
