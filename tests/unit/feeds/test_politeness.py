"""When a server is asked again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.feeds.politeness import (
    DAY_S,
    RETRY_S_MAX,
    max_age_s,
    next_after_failure,
    next_after_success,
    retry_after_s,
)

NOW_S = datetime(2026, 11, 10, 8, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("120", 120),
        ("Tue, 10 Nov 2026 09:00:00 GMT", 3_601),
        ("Tue, 10 Nov 2026 07:00:00 GMT", 0),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("9" * 50, RETRY_S_MAX),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_S_MAX),
    ],
)
def test_retry_after(written: str, seconds: int) -> None:
    assert retry_after_s({"retry-after": written}, NOW_S) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "public, max-age=600"}, 600),
        ({"cache-control": "Max-Age=600", "age": "200"}, 400),
        ({"cache-control": "max-age=600", "age": "900"}, 0),
        ({"cache-control": "s-maxage=600"}, 0),
        ({"cache-control": "no-cache"}, 0),
        ({}, 0),
    ],
)
def test_max_age(headers: dict[str, str], seconds: int) -> None:
    assert max_age_s(headers) == seconds


def test_the_longer_of_interval_and_freshness_counts_up_to_a_day() -> None:
    assert next_after_success(10.5, interval_s=900, fresh_s=0) == 911
    assert next_after_success(10.5, interval_s=900, fresh_s=3_600) == 3_611
    assert next_after_success(0, interval_s=900, fresh_s=365 * DAY_S) == DAY_S


def test_the_wait_after_failures_doubles_up_to_a_day_and_is_never_shorter_than_retry_after() -> None:
    waits = [next_after_failure(0, interval_s=900, failures=number, retry_after_s=0) for number in (1, 2, 3, 8, 10**9)]
    assert waits == [900, 1_800, 3_600, DAY_S, DAY_S]
    assert next_after_failure(0, interval_s=900, failures=1, retry_after_s=5_000) == 5_000
