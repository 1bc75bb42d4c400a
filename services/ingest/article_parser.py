"""From a line of somebody's file to an article: lenient about form, then as strict as the contract. Pure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from newsloom.contracts.article import DEFAULT_EDITION, EDITION_PATTERN, ID_BYTES_MAX, Article
from newsloom.contracts.codec import InvalidValue, decode_article

RETRACTED: Final = "retracted"
FIELDS: Final = Article.__struct_fields__
MAPPABLE: Final = (*FIELDS, RETRACTED)

_REQUIRED: Final = frozenset({"id", "title", "text"})
_BARE_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLACE: Final = re.compile(r"(?P<reason>.*) - at `\$\.(?P<field>\w+).*`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<field>\w+)`")
_EDITION: Final = re.compile(EDITION_PATTERN)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How a file's lines become articles.

    `sources` says under which name the file holds a field of the article, where that is not the field's own. An article
    without an edition goes to its language's, if `edition_from_language` and it names one, or else to `edition`.
    """

    sources: Mapping[str, str] = {}
    edition: str = DEFAULT_EDITION
    edition_from_language: bool = False


class Retraction(msgspec.Struct, frozen=True, kw_only=True):
    """An article that its producer withdraws: a line `{"id": ..., "retracted": true}`."""

    id: str
    edition: str


class LineRejected(ValueError):
    """A line that is no article. `field` is the name the file has, or should have, for it; None is the whole line."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason if field is None else f"{field}: {reason}")
        self.reason = reason
        self.field = field


def read_line(line: bytes, rules: Rules) -> Article | Retraction:
    """The article or the retraction that a line of JSON holds; raises `LineRejected`.

    Beyond the contract, a date may lack its time (midnight) or its offset (UTC), null stands for a missing field, and so
    does an empty string, except in `title` and `text`. Fields the contract does not know are dropped.
    """
    row = _parse(line)
    found = {field: row.get(rules.sources.get(field, field)) for field in MAPPABLE}
    plain = {field: value for field, value in found.items() if _is_present(field, value)}
    try:
        retracted = _is_retracted(plain)
        plain["edition"] = _edition(plain, rules)
        return _retraction(plain) if retracted else _article(plain)
    except LineRejected as error:
        if error.field is None:
            raise
        raise LineRejected(error.reason, rules.sources.get(error.field, error.field)) from error


def _parse(line: bytes) -> dict[str, Any]:
    try:
        row = msgspec.json.decode(line.removeprefix(codecs.BOM_UTF8))
    except RecursionError as error:
        raise LineRejected("not JSON that can be read: nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LineRejected(f"not JSON: {error}") from error
    if not isinstance(row, dict):
        raise LineRejected(f"not a JSON object but {_shown(row)}")
    return row


def _is_present(field: str, value: object) -> bool:
    if value is None:
        return False
    return value != "" or field in _REQUIRED


def _is_retracted(plain: dict[str, Any]) -> bool:
    retracted = plain.pop(RETRACTED, False)
    if not isinstance(retracted, bool):
        raise LineRejected(f"expected true or false, got {_shown(retracted)}", RETRACTED)
    return retracted


def _edition(plain: Mapping[str, Any], rules: Rules) -> Any:
    if "edition" in plain:
        return plain["edition"]
    language = plain.get("language")
    if not rules.edition_from_language or not isinstance(language, str):
        return rules.edition
    # The primary subtag of BCP 47: en-US and en-GB report on one world.
    edition = re.split("[-_]", language.strip().lower())[0]
    if not _EDITION.match(edition):
        raise LineRejected(f"{_shown(language)} gives no edition: expected a language tag such as en", "language")
    return edition


def _retraction(plain: Mapping[str, Any]) -> Retraction:
    # Checked as an article would be: an id or an edition no article can have withdraws nothing.
    article = _article({"id": plain.get("id"), "edition": plain["edition"], "title": RETRACTED, "text": ""})
    return Retraction(id=article.id, edition=article.edition)


def _article(plain: dict[str, Any]) -> Article:
    for field in sorted(_REQUIRED):
        if plain.get(field) is None:
            raise LineRejected("missing", field)
    if "published_at" in plain:
        plain = {**plain, "published_at": _moment(plain["published_at"])}
    try:
        article = decode_article(msgspec.json.encode(plain))
    except InvalidValue as error:
        raise _rejected(str(error), plain) from error
    if not article.title.strip() and not article.text.strip():
        raise LineRejected("empty, and so is the title: nothing to compare", "text")
    return article


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise LineRejected(f"expected a date such as 2025-08-03T10:00:00Z, got {_shown(value)}", "published_at")
    try:
        if _BARE_DATE.fullmatch(value):
            day = date.fromisoformat(value)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = msgspec.convert(value, datetime)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise LineRejected(f"{_shown(value)} is not a date such as 2025-08-03T10:00:00Z", "published_at") from error


def _rejected(message: str, plain: Mapping[str, Any]) -> LineRejected:
    """The contract's own message, split into field and reason."""
    placed = _PLACE.fullmatch(message)
    if placed is None:
        missing = _MISSING.fullmatch(message)
        return LineRejected("missing", missing["field"]) if missing else LineRejected(message)
    field, reason = placed["field"], placed["reason"]
    if field == "leaning":
        reason = f"{_shown(plain[field])} is not left, center or right"
    elif field == "edition":
        reason = f"{_shown(plain[field])} does not match {EDITION_PATTERN}"
    elif field == "id" and plain[field]:
        reason = f"over {ID_BYTES_MAX} bytes" if isinstance(plain[field], str) else reason
    return LineRejected(reason[0].lower() + reason[1:].replace("`", ""), field)


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - a line of a terminal
