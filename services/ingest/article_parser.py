"""Parse a line of a user's file into an article: lenient about the form, then as strict as the contract. No I/O."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from newsloom.contracts.article import (
    DATE_EXAMPLE,
    DEFAULT_EDITION,
    EDITION_PATTERN,
    ID_BYTES_MAX,
    TEXT_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
    Article,
)
from newsloom.contracts.codec import InvalidValue, decode_article
from services.ingest.dates import InvalidDate, ParsedDate, parse_date
from services.ingest.length_limits import cut

RETRACTED: Final = "retracted"
FIELDS: Final = Article.__struct_fields__
MAPPABLE: Final = (*FIELDS, RETRACTED)
DEFAULT_TIMEZONE: Final = "UTC"
FIELDS_CHARACTERS_MAX: Final = 120
"""Of the names of a line's fields, in a message."""

_REQUIRED: Final = frozenset({"id", "title", "text"})
_LIMITS: Final = {"title": TITLE_CHARACTERS_MAX, "text": TEXT_CHARACTERS_MAX}
_FIELD_ERROR: Final = re.compile(r"(?P<reason>.*) - at `\$\.(?P<field>\w+).*`", re.DOTALL)
_MISSING_FIELD: Final = re.compile(r"Object missing required field `(?P<field>\w+)`")
_EDITION: Final = re.compile(EDITION_PATTERN)


class ParseOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to read a file's lines.

    `sources` maps a field of the article to its name in the file, where the two differ. An article without an edition gets
    its language as edition if `edition_from_language` is set and it has a language, else `edition`. A date that names no zone
    is in `timezone`, a name of the IANA database.
    """

    # An ingest stores a hash of these fields and their names with its progress: renaming one makes it start again.

    sources: Mapping[str, str] = {}
    edition: str = DEFAULT_EDITION
    edition_from_language: bool = False
    timezone: str = DEFAULT_TIMEZONE


class Retraction(msgspec.Struct, frozen=True, kw_only=True):
    """The retraction of an article: a line `{"id": ..., "retracted": true}`."""

    id: str
    edition: str


class ParsedLine(msgspec.Struct, frozen=True, kw_only=True):
    """The event of a line, and what was adapted: its title or text was cut, its date was taken to be in the options' zone.

    `absent` are the fields of the article whose names in the file are given by the options, and which the line does not have.
    """

    event: Article | Retraction
    was_cut: bool = False
    zone_assumed: bool = False
    absent: tuple[str, ...] = ()


class InvalidLine(ValueError):
    """A line that is not a valid article. `field` is the name in the file of the wrong field; None means the whole line."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason if field is None else f"{field}: {reason}")
        self.reason = reason
        self.field = field


def parse_line(line: bytes, options: ParseOptions) -> ParsedLine:
    """Return the article or the retraction in a line of JSON.

    Accepts more than the contract: the dates of `parse_date`, and null or an empty string for a missing field, except an empty
    `title` or `text`. Cuts a title or text over the contract's limit. Drops fields that the contract does not have.

    Raises:
        InvalidLine: the line is neither.

    """
    row = _decode(line)
    found = {field: row.get(options.sources.get(field, field)) for field in MAPPABLE}
    plain = {field: value for field, value in found.items() if _is_present(field, value)}
    try:
        retracted = _is_retracted(plain)
        plain["edition"] = _edition(plain, options)
        if retracted:
            return ParsedLine(event=_retraction(plain))
        absent = tuple(field for field, name in options.sources.items() if name not in row and field != RETRACTED)
        return msgspec.structs.replace(_adapted_article(plain, options), absent=absent)
    except InvalidLine as error:
        if error.field is None:
            raise
        raise _in_file(error, row, options) from error


def _in_file(error: InvalidLine, row: Mapping[str, Any], options: ParseOptions) -> InvalidLine:
    """Return the error with the field's name in the file."""
    field = error.field or ""
    name = options.sources.get(field, field)
    if name == field or name in row:
        return InvalidLine(error.reason, name)
    fields = _shortened(", ".join(row), FIELDS_CHARACTERS_MAX)
    return InvalidLine(f"missing, although --map {field}={name} names it; the line has {fields or 'no fields'}", name)


def _decode(line: bytes) -> dict[str, Any]:
    try:
        row = msgspec.json.decode(line.removeprefix(codecs.BOM_UTF8))
    except RecursionError as error:
        raise InvalidLine("not JSON: nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidLine(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise InvalidLine(f"not a JSON object but {_excerpt(row)}")
    return row


def _is_present(field: str, value: object) -> bool:
    if value is None:
        return False
    return value != "" or field in _REQUIRED


def _is_retracted(plain: dict[str, Any]) -> bool:
    retracted = plain.pop(RETRACTED, False)
    if not isinstance(retracted, bool):
        raise InvalidLine(f"expected true or false, got {_excerpt(retracted)}", RETRACTED)
    return retracted


def _edition(plain: Mapping[str, Any], options: ParseOptions) -> Any:
    if "edition" in plain:
        return plain["edition"]
    language = plain.get("language")
    if not options.edition_from_language or not isinstance(language, str):
        return options.edition
    # The primary subtag of BCP 47: en-US and en-GB share an edition.
    edition = re.split("[-_]", language.strip().lower())[0]
    if not _EDITION.match(edition):
        raise InvalidLine(f"{_excerpt(language)} is not a language tag such as en, so it gives no edition", "language")
    return edition


def _retraction(plain: Mapping[str, Any]) -> Retraction:
    # Validate id and edition as those of an article: a retraction of an impossible article is a mistake.
    article = _article({"id": plain.get("id"), "edition": plain["edition"], "title": RETRACTED, "text": ""})
    return Retraction(id=article.id, edition=article.edition)


def _adapted_article(plain: dict[str, Any], options: ParseOptions) -> ParsedLine:
    adapted = dict(plain)
    for field, limit in _LIMITS.items():
        if isinstance(value := plain.get(field), str):
            adapted[field] = cut(value, limit)
    date = _date(plain["published_at"], options) if "published_at" in plain else None
    if date is not None:
        adapted["published_at"] = date.moment
    return ParsedLine(
        event=_article(adapted),
        was_cut=any(adapted.get(field) != plain.get(field) for field in _LIMITS),
        zone_assumed=date is not None and date.zone_assumed,
    )


def _date(value: object, options: ParseOptions) -> ParsedDate:
    zone = UTC if options.timezone == DEFAULT_TIMEZONE else ZoneInfo(options.timezone)
    try:
        return parse_date(value, zone)
    except InvalidDate as error:
        reason = f"{_excerpt(value)} is not a date such as {DATE_EXAMPLE}: {error}"
        raise InvalidLine(reason, "published_at") from error


def _article(plain: Mapping[str, Any]) -> Article:
    for field in sorted(_REQUIRED):
        if plain.get(field) is None:
            raise InvalidLine("missing", field)
    try:
        article = decode_article(msgspec.json.encode(plain))
    except InvalidValue as error:
        raise _invalid_line(str(error), plain) from error
    if not article.title.strip() and not article.text.strip():
        raise InvalidLine("title and text are both empty: there is nothing to compare", "text")
    return article


def _invalid_line(message: str, plain: Mapping[str, Any]) -> InvalidLine:
    """Split the contract's own message into field and reason."""
    found = _FIELD_ERROR.fullmatch(message)
    if found is None:
        missing = _MISSING_FIELD.fullmatch(message)
        return InvalidLine("missing", missing["field"]) if missing else InvalidLine(message)
    field, reason = found["field"], found["reason"]
    if field == "leaning":
        reason = f"{_excerpt(plain[field])} is not left, center or right"
    elif field == "edition":
        reason = f"{_excerpt(plain[field])} does not match {EDITION_PATTERN}"
    elif field == "id" and plain[field]:
        reason = f"over {ID_BYTES_MAX} bytes" if isinstance(plain[field], str) else reason
    return InvalidLine(reason[0].lower() + reason[1:].replace("`", ""), field)


def _excerpt(value: object) -> str:
    # Fits on a line of a terminal.
    return _shortened(msgspec.json.encode(value).decode(), 60)


def _shortened(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else text[: characters_max - 3] + "..."
