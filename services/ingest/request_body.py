"""Articles in the body of a request: as the lines of a file, but all of them or none. No I/O."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from newsloom.streaming.records import Message
from services.ingest.article_parser import InvalidLine, ParseOptions, Retraction, parse_line
from services.ingest.messages import article_message

LINES_MAX: Final = 1_000
ERRORS_MAX: Final = 20


class LineError(msgspec.Struct, frozen=True):
    """What is wrong with a line, counted from 1; `field` is None if it is the line as a whole."""

    line: int
    field: str | None
    reason: str


class InvalidBody(ValueError):
    """The body has lines that are no articles, too many of them, or none. `errors` are the first ones."""

    def __init__(self, reason: str, errors: tuple[LineError, ...] = ()) -> None:
        super().__init__(reason)
        self.errors = errors


class Batch(msgspec.Struct, frozen=True):
    """The records of a body, and how many articles and retractions they are."""

    messages: tuple[Message, ...]
    articles: int
    retractions: int


def parse_body(body: bytes, parsing: ParseOptions, *, topic: str, record_bytes_max: int, now: datetime) -> Batch:
    """Return the records for `topic` of a body of JSON lines.

    Raises:
        InvalidBody: a line is wrong, or their number is.

    """
    lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    if not 1 <= len(lines) <= LINES_MAX:
        raise InvalidBody(f"{len(lines):,} lines: send 1 to {LINES_MAX:,}, each a JSON object")
    messages, errors, retractions = [], [], 0
    for number, line in lines:
        try:
            event = parse_line(line.removesuffix(b"\r"), parsing).event
            messages.append(article_message(event, topic=topic, record_bytes_max=record_bytes_max, now=now))
            retractions += isinstance(event, Retraction)
        except InvalidLine as error:
            errors.append(LineError(number, error.field, error.reason))
    if errors:
        first = errors[0]
        where = f"line {first.line}" + (f", field {first.field}" if first.field else "")
        raise InvalidBody(
            f"{where}: {first.reason}; nothing of this request is written: correct it and send it again",
            tuple(errors[:ERRORS_MAX]),
        )
    return Batch(tuple(messages), len(messages) - retractions, retractions)
