"""Lines become articles, or say why not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.article import Article, Leaning
from newsloom.contracts.codec import decode_article, encode
from services.ingest.article_parser import MAPPABLE, LineRejected, Retraction, Rules, read_line

BASE = {"id": "a-1", "title": "Rivers rise", "text": "The rivers rose overnight."}


def read(row: Any, rules: Rules | None = None) -> Article | Retraction:
    return read_line(msgspec.json.encode(row), rules or Rules())


def article(row: Any, rules: Rules | None = None) -> Article:
    event = read(row, rules)
    assert isinstance(event, Article)
    return event


def test_a_full_line_is_the_article_it_says() -> None:
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
def test_dates_may_lack_time_offset_or_everything(given_date: str | None, expected: datetime | None) -> None:
    assert article({**BASE, "published_at": given_date}).published_at == expected


@pytest.mark.parametrize("optional", ["url", "outlet", "author", "language", "leaning", "edition", "retracted"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_options_are_absent(optional: str, nothing: str | None) -> None:
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
        ({**BASE, "title": " ", "text": "\n"}, "text", "empty, and so is the title: nothing to compare"),
        ({**BASE, "leaning": "up"}, "leaning", '"up" is not left, center or right'),
        ({**BASE, "leaning": 3}, "leaning", "3 is not left, center or right"),
        ({**BASE, "published_at": "2025-02-30"}, "published_at", '"2025-02-30" is not a date such as'),
        ({**BASE, "published_at": "2025-02-30T10:00:00Z"}, "published_at", "is not a date such as"),
        ({**BASE, "published_at": "yesterday"}, "published_at", "is not a date such as"),
        ({**BASE, "published_at": 1754215200}, "published_at", "got 1754215200"),
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
    with pytest.raises(LineRejected) as caught:
        read(row)
    assert caught.value.field == field
    assert reason in caught.value.reason


@pytest.mark.parametrize("line", [b"", b"{", b"\xff\xfe", b'{"id": "a"} {"id": "b"}', b"[" * 5000, b'{"id": NaN}'])
def test_what_is_not_json_is_rejected_whole(line: bytes) -> None:
    with pytest.raises(LineRejected, match="not JSON") as caught:
        read_line(line, Rules())
    assert caught.value.field is None


def test_a_byte_order_mark_is_no_part_of_the_line() -> None:
    assert read_line(b"\xef\xbb\xbf" + msgspec.json.encode(BASE), Rules()) == article(BASE)


def test_mapped_fields_come_from_where_the_rules_say_and_errors_name_that() -> None:
    rules = Rules(sources={"outlet": "source", "id": "key"})
    row = {"key": "a-1", "title": "t", "text": "x", "source": "Post", "outlet": "not asked for", "id": 9}
    assert (article(row, rules).id, article(row, rules).outlet) == ("a-1", "Post")
    with pytest.raises(LineRejected) as caught:
        read({**row, "source": 5}, rules)
    assert caught.value.field == "source"


@pytest.mark.parametrize(
    ("row", "rules", "edition"),
    [
        ({}, Rules(), "main"),
        ({}, Rules(edition="uk"), "uk"),
        ({"edition": "de"}, Rules(edition="uk"), "de"),
        ({"language": "en-US"}, Rules(edition="uk"), "uk"),
        ({"language": "en-US"}, Rules(edition="uk", edition_from_language=True), "en"),
        ({"language": "PT_br"}, Rules(edition_from_language=True), "pt"),
        ({"language": "en", "edition": "de"}, Rules(edition_from_language=True), "de"),
        ({}, Rules(edition="uk", edition_from_language=True), "uk"),
    ],
)
def test_the_edition_is_the_articles_own_or_its_languages_or_the_given(row: Any, rules: Rules, edition: str) -> None:
    assert article({**BASE, **row}, rules).edition == edition
    assert read({"id": "a-1", "retracted": True, **row}, rules) == Retraction(id="a-1", edition=edition)


def test_a_language_that_names_no_edition_is_rejected() -> None:
    with pytest.raises(LineRejected) as caught:
        read({**BASE, "language": "(unknown)"}, Rules(edition_from_language=True))
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
    Rules,
    sources=st.dictionaries(st.sampled_from(MAPPABLE), st.sampled_from([*MAPPABLE, "source", ""]), max_size=3),
    edition_from_language=st.booleans(),
)


def outcome(line: bytes, rules: Rules) -> Article | Retraction | LineRejected:
    try:
        return read_line(line, rules)
    except LineRejected as error:
        return error


@given(line=st.binary(max_size=200), rules=RULES)
def test_any_bytes_are_an_article_or_rejected_with_a_reason(line: bytes, rules: Rules) -> None:
    result = outcome(line, rules)
    assert not isinstance(result, LineRejected) or result.reason


@given(row=st.dictionaries(st.sampled_from([*MAPPABLE, "source", ""]), PLAUSIBLE | JSON), rules=RULES)
def test_whatever_is_accepted_the_strict_contract_accepts(row: dict[str, Any], rules: Rules) -> None:
    result = outcome(msgspec.json.encode(row), rules)
    assert not isinstance(result, Article) or decode_article(encode(result)) == result
