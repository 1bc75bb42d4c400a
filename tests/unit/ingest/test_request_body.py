"""A body of lines becomes records, all of them or none."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from services.ingest.article_parser import ParseOptions
from services.ingest.request_body import ERRORS_MAX, LINES_MAX, Batch, InvalidBody, LineError, parse_body
from tests.unit.ingest.harness import row

NOW = datetime(2026, 11, 10, 8, 0, tzinfo=UTC)


def parse(*rows: object) -> Batch:
    body = b"\r\n".join(one if isinstance(one, bytes) else msgspec.json.encode(one) for one in rows)
    return parse_body(body, ParseOptions(), topic="news.articles", record_bytes_max=1_048_576, now=NOW)


def test_articles_and_retractions_become_records() -> None:
    batch = parse(row(1), b"", {"id": "a-1", "retracted": True})
    assert (batch.articles, batch.retractions) == (1, 1)
    assert [(message.key, message.value is None) for message in batch.messages] == [(b"a-1", False), (b"a-1", True)]


def test_a_wrong_line_is_named_with_field_and_reason_and_all_errors_are_listed() -> None:
    with pytest.raises(InvalidBody) as error:
        parse(row(1), {"id": "a-2", "title": "t"}, row(3, leaning="far left"), b"{")
    assert str(error.value).startswith("line 2, field text: missing; nothing of this request is written")
    assert error.value.errors[:2] == (
        LineError(2, "text", "missing"),
        LineError(3, "leaning", '"far left" is not left, center or right'),
    )
    assert error.value.errors[2].field is None


def test_the_errors_are_bounded() -> None:
    with pytest.raises(InvalidBody) as error:
        parse(*([b"{"] * (ERRORS_MAX + 5)))
    assert len(error.value.errors) == ERRORS_MAX


@pytest.mark.parametrize("number", [0, LINES_MAX + 1])
def test_too_few_or_too_many_lines_are_refused(number: int) -> None:
    with pytest.raises(InvalidBody, match=f"{number:,} lines: send 1 to 1,000"):
        parse(*(row(one) for one in range(number)))
