"""Lines become articles or are rejected with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.article import TEXT_CHARACTERS_MAX, TITLE_CHARACTERS_MAX, Article, Leaning
from newsloom.contracts.codec import decode_article, encode
from services.ingest.article_parser import MAPPABLE, RETRACTED, InvalidLine, ParseOptions, Retraction, parse_line
from services.ingest.length_limits import CUT_MARK

BASE = {"id": "a-1", "title": "Rivers rise", "text": "The rivers rose overnight."}


def read(row: Any, options: ParseOptions | None = None) -> Article | Retraction:
    return parse_line(msgspec.json.encode(row), options or ParseOptions()).event


def article(row: Any, options: ParseOptions | None = None) -> Article:
    event = read(row, options)
    assert isinstance(event, Article)
    return event


def test_a_complete_line_becomes_an_article() -> None:
    row = {
        **BASE,
        "published_at": "2025-08-03T10:00:00+02:00",
        "url": "https://example.org/1",
        "outlet": "Example Post",
        "author": "A. Writer",
        "language": "en",
        "leaning": "center",
        "edition": "uk",
    }
    assert article(row) == Article(
        id="a-1",
        title="Rivers rise",
        text="The rivers rose overnight.",
        published_at=datetime(2025, 8, 3, 8, tzinfo=UTC),
        url="https://example.org/1",
        outlet="Example Post",
        author="A. Writer",
        language="en",
        leaning=Leaning.CENTER,
        edition="uk",
    )


@pytest.mark.parametrize(
    ("given_date", "expected"),
    [
        ("2025-08-03", datetime(2025, 8, 3, tzinfo=UTC)),
        ("2025-08-03T10:11:12", datetime(2025, 8, 3, 10, 11, 12, tzinfo=UTC)),
        ("2025-08-03 10:11:12", datetime(2025, 8, 3, 10, 11, 12, tzinfo=UTC)),
        ("2025-08-03T10:11:12Z", datetime(2025, 8, 3, 10, 11, 12, tzinfo=UTC)),
        ("2025-08-03T00:11:12.5+02:00", datetime(2025, 8, 2, 22, 11, 12, 500_000, tzinfo=UTC)),
        ("", None),
        (None, None),
    ],
)
def test_dates_may_lack_time_and_offset_or_be_missing(given_date: str | None, expected: datetime | None) -> None:
    assert article({**BASE, "published_at": given_date}).published_at == expected


@pytest.mark.parametrize(
    ("given_date", "timezone", "expected", "zone_assumed"),
    [
        ("2025-08-03 10:00", "UTC", datetime(2025, 8, 3, 10, tzinfo=UTC), True),
        ("2025-08-03 10:00", "Europe/Berlin", datetime(2025, 8, 3, 8, tzinfo=UTC), True),
        ("2025-08-03", "America/New_York", datetime(2025, 8, 3, 4, tzinfo=UTC), True),
        ("2025-08-03T10:00Z", "Europe/Berlin", datetime(2025, 8, 3, 10, tzinfo=UTC), False),
        (1_754_215_200, "Europe/Berlin", datetime(2025, 8, 3, 10, tzinfo=UTC), False),
    ],
)
def test_only_a_date_without_a_zone_is_in_the_options_zone(
    given_date: str | int, timezone: str, expected: datetime, *, zone_assumed: bool
) -> None:
    parsed = parse_line(msgspec.json.encode({**BASE, "published_at": given_date}), ParseOptions(timezone=timezone))
    assert isinstance(parsed.event, Article)
    assert (parsed.event.published_at, parsed.zone_assumed) == (expected, zone_assumed)


@pytest.mark.parametrize(("field", "limit"), [("title", TITLE_CHARACTERS_MAX), ("text", TEXT_CHARACTERS_MAX)])
def test_a_title_or_text_is_cut_only_over_the_limit(field: str, limit: int) -> None:
    fits = parse_line(msgspec.json.encode({**BASE, field: "x" * limit}), ParseOptions())
    longer = parse_line(msgspec.json.encode({**BASE, field: "x" * (limit + 1)}), ParseOptions())
    assert (getattr(fits.event, field), fits.was_cut) == ("x" * limit, False)
    assert (getattr(longer.event, field), longer.was_cut) == ("x" * (limit - len(CUT_MARK)) + CUT_MARK, True)


@pytest.mark.parametrize("optional", ["url", "outlet", "author", "language", "leaning", "edition", "retracted"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_optional_fields_are_missing(optional: str, nothing: str | None) -> None:
    assert article({**BASE, optional: nothing}) == article(BASE)


def test_unknown_fields_are_dropped() -> None:
    assert article({**BASE, "story": "gold", "tags": [1, {"a": 2}]}) == article(BASE)


@pytest.mark.parametrize("field", ["title", "text"])
def test_title_or_text_may_be_empty(field: str) -> None:
    assert getattr(article({**BASE, field: ""}), field) == ""


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"title": "t", "text": "x"}, "id", "missing"),
        ({**BASE, "title": None}, "title", "missing"),
        ({"id": "a", "title": "t"}, "text", "missing"),
        ({**BASE, "id": 7}, "id", "expected str, got int"),
        ({**BASE, "id": ""}, "id", "expected str of length >= 1"),
        ({**BASE, "id": "x" * 257}, "id", "over 256 bytes"),
        ({**BASE, "id": "é" * 129}, "id", "over 256 bytes"),
        ({**BASE, "text": ["no"]}, "text", "expected str, got array"),
        ({**BASE, "title": " ", "text": "\n"}, "text", "title and text are both empty: there is nothing to compare"),
        ({**BASE, "leaning": "up"}, "leaning", '"up" is not left, center or right'),
        ({**BASE, "leaning": 3}, "leaning", "3 is not left, center or right"),
        ({**BASE, "published_at": "2025-02-30"}, "published_at", '"2025-02-30" is not a date such as'),
        ({**BASE, "published_at": "2025-02-30T10:00:00Z"}, "published_at", "is not a date such as"),
        ({**BASE, "published_at": "yesterday"}, "published_at", "is not a date such as"),
        ({**BASE, "published_at": "2025-02-30"}, "published_at", "day is out of range for month"),
        ({**BASE, "published_at": 17}, "published_at", "17 is not a date such as"),
        ({**BASE, "published_at": ["2025-02-03"]}, "published_at", "expected a string or a Unix time"),
        ({**BASE, "published_at": "0001-01-01T00:00:00+10:00"}, "published_at", "is not a date such as"),
        ({**BASE, "edition": "A B"}, "edition", '"A B" does not match'),
        ({**BASE, "retracted": "yes"}, "retracted", 'expected true or false, got "yes"'),
        ({"id": 7, "retracted": True}, "id", "expected str, got int"),
        ({"retracted": True}, "id", "missing"),
        ([BASE], None, "not a JSON object but"),
        (None, None, "not a JSON object but null"),
    ],
)
def test_a_rejected_line_names_field_and_reason(row: Any, field: str | None, reason: str) -> None:
    with pytest.raises(InvalidLine) as caught:
        read(row)
    assert caught.value.field == field
    assert reason in caught.value.reason


@pytest.mark.parametrize("line", [b"", b"{", b"\xff\xfe", b'{"id": "a"} {"id": "b"}', b"[" * 5000, b'{"id": NaN}'])
def test_a_line_that_is_not_json_is_rejected_as_a_whole(line: bytes) -> None:
    with pytest.raises(InvalidLine, match="not JSON") as caught:
        parse_line(line, ParseOptions())
    assert caught.value.field is None


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse_line(b"\xef\xbb\xbf" + msgspec.json.encode(BASE), ParseOptions()).event == article(BASE)


def test_a_mapped_field_that_the_line_lacks_is_named_with_the_fields_that_it_has() -> None:
    options = ParseOptions(sources={"title": "headline", "outlet": "source", RETRACTED: "deleted"})
    with pytest.raises(InvalidLine) as raised:
        parse_line(b'{"id": "a", "name": "Ferry sinks", "text": ""}', options)
    assert str(raised.value) == (
        "headline: missing, although --map title=headline names it; the line has id, name, text"
    )
    assert parse_line(b'{"id": "a", "headline": "Ferry sinks", "text": ""}', options).absent == ("outlet",)


def test_mapped_fields_and_their_errors_use_the_names_in_the_file() -> None:
    options = ParseOptions(sources={"outlet": "source", "id": "key"})
    row = {"key": "a-1", "title": "t", "text": "x", "source": "Post", "outlet": "not asked for", "id": 9}
    assert (article(row, options).id, article(row, options).outlet) == ("a-1", "Post")
    with pytest.raises(InvalidLine) as caught:
        read({**row, "source": 5}, options)
    assert caught.value.field == "source"


@pytest.mark.parametrize(
    ("row", "options", "edition"),
    [
        ({}, ParseOptions(), "main"),
        ({}, ParseOptions(edition="uk"), "uk"),
        ({"edition": "de"}, ParseOptions(edition="uk"), "de"),
        ({"language": "en-US"}, ParseOptions(edition="uk"), "uk"),
        ({"language": "en-US"}, ParseOptions(edition="uk", edition_from_language=True), "en"),
        ({"language": "PT_br"}, ParseOptions(edition_from_language=True), "pt"),
        ({"language": "en", "edition": "de"}, ParseOptions(edition_from_language=True), "de"),
        ({}, ParseOptions(edition="uk", edition_from_language=True), "uk"),
    ],
)
def test_the_edition_is_the_articles_own_or_its_language_or_the_default(
    row: Any, options: ParseOptions, edition: str
) -> None:
    assert article({**BASE, **row}, options).edition == edition
    assert read({"id": "a-1", "retracted": True, **row}, options) == Retraction(id="a-1", edition=edition)


def test_a_language_that_gives_no_edition_is_rejected() -> None:
    with pytest.raises(InvalidLine) as caught:
        read({**BASE, "language": "(unknown)"}, ParseOptions(edition_from_language=True))
    assert caught.value.field == "language"


def test_retracted_false_is_an_article() -> None:
    assert article({**BASE, "retracted": False}) == article(BASE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLAUSIBLE = st.sampled_from(["a-1", "", "left", "en", "2025-08-03", "2025-08-03T10:00:00", True, None])
RULES = st.builds(
    ParseOptions,
    sources=st.dictionaries(st.sampled_from(MAPPABLE), st.sampled_from([*MAPPABLE, "source", ""]), max_size=3),
    edition_from_language=st.booleans(),
)


def outcome(line: bytes, options: ParseOptions) -> Article | Retraction | InvalidLine:
    try:
        return parse_line(line, options).event
    except InvalidLine as error:
        return error


@given(line=st.binary(max_size=200), options=RULES)
def test_any_bytes_are_an_article_or_rejected_with_a_reason(line: bytes, options: ParseOptions) -> None:
    result = outcome(line, options)
    assert not isinstance(result, InvalidLine) or result.reason


@given(row=st.dictionaries(st.sampled_from([*MAPPABLE, "source", ""]), PLAUSIBLE | JSON), options=RULES)
def test_every_accepted_article_is_valid_in_the_contract(row: dict[str, Any], options: ParseOptions) -> None:
    result = outcome(msgspec.json.encode(row), options)
    assert not isinstance(result, Article) or decode_article(encode(result)) == result
