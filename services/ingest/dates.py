"""Parse the dates that feeds write. python-dateutil reads them; what it would have to guess is refused. No clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final, NamedTuple

from dateutil import parser

from newsloom.contracts.limits import YEAR_MIN

CHARACTERS_MAX: Final = 100
"""Far above any date: the parser's time grows with the length."""

ZONE_HOURS: Final = (
    {"UT": 0, "UTC": 0, "GMT": 0, "Z": 0}
    | {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
    | {"WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}
)
"""Offsets of named zones: those of RFC 822, and Europe's. Names with several meanings, such as BST and IST, are left out."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_SECONDS: Final = re.compile(r"\d{9,10}(\.\d+)?")
_UNIX_MILLISECONDS: Final = re.compile(r"\d{13}(\.\d+)?")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_BASIC_DATE: Final = re.compile(r"\d{8}")
_BASIC_TIME: Final = re.compile(r"(\d{8})(\d{6})")
_ISO_DAY: Final = re.compile(r"\d{4}(-\d\d-\d\d|\d{4}|-\d{3}|\d{3}|-W\d\d-\d|W\d\d\d)(?!\d)")
_YEAR_FIRST: Final = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?!\d)")
_OFFSET_COMMENT: Final = re.compile(r"(?<=[+-]\d{4})\s*\([^()]*\)$")
# dateutil takes GMT+2 for two hours behind UTC in some forms, as POSIX does; feeds mean two hours ahead.
_NAME_OF_OFFSET: Final = re.compile(r"\b(?:UTC|GMT)(?=[+-]\d)")
_LEAP_SECOND: Final = re.compile(r"(?<=\d\d:\d\d):60(?!\d)")
_SHORT_YEAR: Final = re.compile(r"(?<!\d)(\d{1,2}[ -][A-Za-z]{3}[ -])(\d\d)(?= \d\d?:)")
# They differ in year, month and day, so a date that lacks one of them has two readings.
_DEFAULTS: Final = (datetime(2001, 1, 1), datetime(2002, 2, 2))  # noqa: DTZ001 - the zone is the date's own


class ParsedDate(NamedTuple):
    """A date in UTC. `zone_assumed`: it names no zone itself."""

    moment: datetime
    zone_assumed: bool


class InvalidDate(ValueError):
    """A value that is no date, or several. The message is the reason, without the value."""


def parse_date(value: object, zone: tzinfo) -> ParsedDate:
    """Return the date that a string or a number means; one without a zone is in `zone`, one without a time is midnight.

    Accepts RFC 822, ISO 8601 in extended and basic form, Unix seconds and milliseconds, and other forms that can be read in
    one way only, such as `10 November 2026, 08:00`.

    Raises:
        InvalidDate: another type, an impossible date, one before 1900, no full date, or a day and month in unknown order.

    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidDate("expected a string or a Unix time")
    text = str(value).strip()
    if len(text) > CHARACTERS_MAX:
        raise InvalidDate(f"over {CHARACTERS_MAX} characters")
    try:
        found = _parse_number(text) if _NUMBER.fullmatch(text) else _parse_text(text)
        moment = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except parser.ParserError as error:
        raise InvalidDate(_reason(error)) from error
    except OverflowError as error:
        raise InvalidDate("out of range") from error
    except InvalidDate:
        raise
    except ValueError as error:
        raise InvalidDate(str(error)) from error
    if moment.year < YEAR_MIN:
        raise InvalidDate(f"before {YEAR_MIN}")
    return ParsedDate(moment, found.tzinfo is None)


def _parse_number(text: str) -> datetime:
    if _BASIC_DATE.fullmatch(text):
        return _isoparse(text)
    if basic := _BASIC_TIME.fullmatch(text):
        return _isoparse(f"{basic[1]}T{basic[2]}")
    if _UNIX_SECONDS.fullmatch(text):
        return _EPOCH + timedelta(microseconds=int(Decimal(text) * 1_000_000))
    if _UNIX_MILLISECONDS.fullmatch(text):
        return _EPOCH + timedelta(microseconds=int(Decimal(text) * 1_000))
    raise InvalidDate("a Unix time has 9 or 10 digits in seconds, 13 in milliseconds")


def _parse_text(text: str) -> datetime:
    text = _NAME_OF_OFFSET.sub("", _OFFSET_COMMENT.sub("", text))
    text = _SHORT_YEAR.sub(_with_century, text)
    without_leap_second = _LEAP_SECOND.sub(":59", text)
    moment = _parse_iso(without_leap_second) or _parse_free(without_leap_second)
    return moment if without_leap_second == text else moment + timedelta(seconds=1)


def _with_century(found: re.Match[str]) -> str:
    # RFC 2822, 4.3: a year below 50 is in this century.
    return f"{found[1]}{'20' if found[2] < '50' else '19'}{found[2]}"


def _parse_iso(text: str) -> datetime | None:
    if not _ISO_DAY.match(text):
        return None
    try:
        return _isoparse(text)
    except ValueError:
        if not _YEAR_FIRST.match(text):
            raise
        return None


def _isoparse(text: str) -> datetime:
    moment: datetime = parser.isoparse(text)
    return moment


def _parse_free(text: str) -> datetime:
    month_first = [_parse(text, default=default, dayfirst=False) for default in _DEFAULTS]
    moment = month_first[0]
    if moment != month_first[1] or not re.search(rf"(?<!\d){moment.year:04}", text):
        raise InvalidDate("it needs a day, a month and a year of four digits")
    if _YEAR_FIRST.match(text):
        return moment
    day_first = _parse(text, default=_DEFAULTS[0], dayfirst=True)
    if day_first != moment:
        raise InvalidDate(f"either {moment:%-d %B} or {day_first:%-d %B}: write the year first")
    return moment


def _parse(text: str, **options: Any) -> datetime:
    moment: datetime = parser.parse(text, tzinfos=_zone, **options)
    return moment


def _zone(name: str | None, offset_s: int | None) -> tzinfo | None:
    """Return the zone for a name and an offset that the parser found; either may be missing."""
    if name is None:
        return None if offset_s is None else timezone(timedelta(seconds=offset_s))
    hours = ZONE_HOURS.get(name.upper())
    if hours is None:
        raise InvalidDate(f"the zone {name} is unknown or has several meanings: write an offset such as +02:00")
    if offset_s in (None, hours * 3600) or hours == 0:
        return timezone(timedelta(hours=hours) if offset_s is None else timedelta(seconds=offset_s))
    raise InvalidDate(f"the zone {name} contradicts the offset")


def _reason(error: ValueError) -> str:
    """Return dateutil's reason without the value, which it appends."""
    return str(error.args[0]).removesuffix(": %s").lower()
