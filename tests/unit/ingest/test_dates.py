"""Dates as feeds write them are read as the instant they mean, or refused with a reason."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.dates import InvalidDate, parse_date

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 822 and its successors
        ("Tue, 10 Nov 2026 12:00:00 GMT", NOON),
        ("Tue, 10 Nov 2026 12:00:00 UT", NOON),
        ("Tue, 10 Nov 2026 12:00:00 Z", NOON),
        ("Tue, 10 Nov 2026 14:00:00 +0200", NOON),
        ("Tue, 10 Nov 2026 07:00:00 EST", NOON),
        ("Tue, 10 Nov 2026 05:00:00 MST", NOON),
        ("Tue, 10 Nov 2026 05:00:00 PDT", NOON),
        ("10 Nov 2026 12:00 GMT", NOON),
        ("Tue, 10 Nov 26 12:00:00 GMT", NOON),
        ("Tuesday, 10-Nov-26 12:00:00 GMT", NOON),
        ("Thu, 05 Mar 98 12:00:00 GMT", datetime(1998, 3, 5, 12, tzinfo=UTC)),
        ("Tue, 10 Nov 2026 14:00:00 +0200 (SAST)", NOON),
        ("Mon, 09 Nov 2026 23:30:00 -1230", NOON),
        # ISO 8601
        ("2026-11-10T12:00:00Z", NOON),
        ("2026-11-10t12:00:00z", NOON),
        ("2026-11-10T12:00Z", NOON),
        ("2026-11-10T12Z", NOON),
        ("2026-11-10 12:00:00", NOON),
        ("2026-11-10 12:00:00 +0000", NOON),
        ("2026-11-10 13:00:00 CET", NOON),
        ("2026-11-10T17:45:00+05:45", NOON),
        ("2026-11-10T17:45:00+0545", NOON),
        ("2026-11-10T07:00:00-05", NOON),
        ("20261110T120000Z", NOON),
        ("20261110T1200", NOON),
        ("20261110120000", NOON),
        ("2026-11-10T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-11-10T12:00:00,25Z", NOON + timedelta(milliseconds=250)),
        ("2026-11-10T12:00:00.123456789Z", NOON + timedelta(microseconds=123_456)),
        ("2026-11-10T11:59:60Z", NOON),
        ("2026-11-09T24:00:00Z", NOON - timedelta(hours=12)),
        ("2026-11-10", NOON - timedelta(hours=12)),
        ("20261110", NOON - timedelta(hours=12)),
        ("2026-W46-2", NOON - timedelta(hours=12)),
        ("2026-314", NOON - timedelta(hours=12)),
        # Unix time
        (1_794_312_000, NOON),
        (1_794_312_000_000, NOON),
        ("1794312000", NOON),
        ("1794312000000", NOON),
        (1_794_312_000.5, NOON + timedelta(milliseconds=500)),
        # as people, browsers and programs write them
        ("Nov 10, 2026 12:00 PM", NOON),
        ("November 10, 2026 at 7:00 AM EST", NOON),
        ("10 November 2026, 12:00", NOON),
        ("Tue Nov 10 12:00:00 UTC 2026", NOON),
        ("Tue Nov 10 2026 14:00:00 GMT+0200 (Eastern European Standard Time)", NOON),
        ("10 Nov 2026 14:00 GMT+2", NOON),
        ("2026/11/10 12:00", NOON),
        ("2026.11.10 12:00", NOON),
        ("25/12/2026 08:00", datetime(2026, 12, 25, 8, tzinfo=UTC)),
        ("12/25/2026 08:00", datetime(2026, 12, 25, 8, tzinfo=UTC)),
        ("25.12.2026", datetime(2026, 12, 25, tzinfo=UTC)),
        ("  2026-11-10T12:00:00Z\n", NOON),
    ],
)
def test_a_date_as_feeds_write_it(value: object, expected: datetime) -> None:
    assert parse_date(value, UTC).moment == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("03/04/2026", "either 4 March or 3 April: write the year first"),
        ("03.04.2026 10:00", "either 4 March or 3 April"),
        ("10", "a Unix time has 9 or 10 digits"),
        (0, "a Unix time has 9 or 10 digits"),
        (-1_794_312_000, "a Unix time has 9 or 10 digits"),
        (202611101200, "a Unix time has 9 or 10 digits"),
        (1e30, "a Unix time has 9 or 10 digits"),
        ("Monday", "needs a day, a month and a year"),
        ("08:00", "needs a day, a month and a year"),
        ("2026-11", "needs a day, a month and a year"),
        ("Nov 2026", "needs a day, a month and a year"),
        ("10 November", "needs a day, a month and a year"),
        ("10/11/26", "a year of four digits"),
        ("2 hours ago", "unknown string format"),
        ("yesterday", "unknown string format"),
        ("", "does not contain a date"),
        ("2026-02-30", "day is out of range for month"),
        ("2026-02-30T10:00:00Z", "day is out of range for month"),
        ("2026-02-30 10:00:00 +0100", "day is out of range for month"),
        ("Mon, 30 Feb 2026 10:00:00 GMT", "day is out of range for month"),
        ("31/04/2026", "day is out of range for month"),
        ("2026-13-05", "month must be in 1..12"),
        ("2026-13-05 10:00 +0100", "month must be in 1..12"),
        ("2026-11-10T25:00", "hour must be in 0..23"),
        ("2026-W60-1", "week"),
        ("20261305T100000", "month must be in 1..12"),
        ("0001-01-01T00:00:00Z", "before 1900"),
        ("0001-01-01T00:00:00+10:00", "out of range"),
        ("10 Nov 2026 08:00 IST", "the zone IST is unknown or has several meanings"),
        ("10 Nov 2026 08:00 BST", "the zone BST is unknown or has several meanings"),
        ("10 Nov 2026 08:00 EST+3", "contradicts"),
        ("2026-11-10T08:00" + " " * 100 + "Z", "over 100 characters"),
        (True, "expected a string"),
        (None, "expected a string"),
        ({"at": 1_794_312_000}, "expected a string"),
    ],
)
def test_what_is_impossible_or_has_several_readings_is_refused(value: object, reason: str) -> None:
    with pytest.raises(InvalidDate) as caught:
        parse_date(value, UTC)
    assert reason in str(caught.value)


FORMS: dict[str, tuple[Callable[[datetime], str | int], timedelta]] = {
    "RFC 822": (format_datetime, timedelta(seconds=1)),
    "RFC 3339": (datetime.isoformat, timedelta(microseconds=1)),
    "space": (lambda moment: moment.isoformat(" "), timedelta(microseconds=1)),
    "space, seconds": (lambda moment: f"{moment:%Y-%m-%d %H:%M:%S %z}", timedelta(seconds=1)),
    "no seconds": (lambda moment: f"{moment:%Y-%m-%dT%H:%M%z}", timedelta(minutes=1)),
    "basic": (lambda moment: f"{moment:%Y%m%dT%H%M%S%z}", timedelta(seconds=1)),
    "offset without a colon": (lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%f%z}", timedelta(microseconds=1)),
    "nanoseconds": (lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%f}789{moment:%z}", timedelta(microseconds=1)),
    "words": (lambda moment: f"{moment:%B %d, %Y %I:%M %p %z}", timedelta(minutes=1)),
    "browser": (lambda moment: f"{moment:%a %b %d %Y %H:%M:%S} GMT{moment:%z}", timedelta(seconds=1)),
    "Unix seconds": (lambda moment: int(moment.timestamp()), timedelta(seconds=1)),
    "Unix milliseconds": (lambda moment: int(moment.timestamp()) * 1000, timedelta(seconds=1)),
    "Unix seconds as text": (lambda moment: str(int(moment.timestamp())), timedelta(seconds=1)),
}
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2001, 9, 10), datetime(2199, 1, 1), timezones=ZONES)  # noqa: DTZ001


@pytest.mark.parametrize("form", FORMS)
@given(moment=MOMENTS)
def test_a_date_in_any_form_is_the_same_instant(form: str, moment: datetime) -> None:
    write, resolution = FORMS[form]
    parsed = parse_date(write(moment), UTC)
    assert parsed.moment == moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % resolution
    assert not parsed.zone_assumed


@given(moment=MOMENTS.map(lambda moment: moment.replace(second=0, microsecond=0)), zone=ZONES)
def test_a_date_without_a_zone_is_in_the_given_zone(moment: datetime, zone: timezone) -> None:
    parsed = parse_date(f"{moment:%d %b %Y, %H:%M}", zone)
    assert (parsed.moment, parsed.zone_assumed) == (moment.replace(tzinfo=zone), True)


@given(
    value=st.text(max_size=30) | st.text("0123456789-/.:+TZ GMTESapmNov,()", max_size=40) | st.floats() | st.integers()
)
def test_any_value_is_a_date_in_utc_or_refused(value: object) -> None:
    with contextlib.suppress(InvalidDate):
        assert parse_date(value, UTC).moment.utcoffset() == timedelta(0)
