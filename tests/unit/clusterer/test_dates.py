"""No vector moves the watermark past the log, or out of the range of dates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import msgspec
import pytest

from newsloom.contracts.codec import encode
from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from newsloom.streaming.step import Outcome
from services.clusterer.configuration import parameters_of
from services.clusterer.core.space import unix_ms
from services.clusterer.step import ClustererStep
from tests.laws.streams import EDITION, START, article

SETTINGS = Settings(log="sqlite://", model="test")


@pytest.fixture
def log() -> Iterator[Log]:
    with closing(open_log_url(SETTINGS.log)) as log:
        log.admin().create(topic_specs(SETTINGS))
        yield log


def process(log: Log, published_at: datetime, *, timestamp_ms: int) -> Outcome:
    step = ClustererStep(SETTINGS, log, None, parameters_of(SETTINGS))
    step.restore(0)
    value = encode(msgspec.structs.replace(article(1), published_at=published_at))
    return step.process([Record(step.input_topics[0], 0, 0, timestamp_ms, EDITION.encode(), value)])


def test_a_date_is_accepted_if_the_record_timestamp_is_in_seconds(log: Log) -> None:
    assert process(log, START, timestamp_ms=unix_ms(START) // 1000).rejected == []


def test_a_timestamp_beyond_all_dates_is_accepted(log: Log) -> None:
    assert process(log, START, timestamp_ms=2**62).rejected == []


def test_a_date_equal_to_the_record_timestamp_is_accepted(log: Log) -> None:
    assert process(log, START, timestamp_ms=unix_ms(START)).rejected == []


@pytest.mark.parametrize(
    "published_at",
    [
        START + timedelta(milliseconds=1),
        datetime.fromisoformat("2190-01-01T00:00:00+00:00"),
        datetime.fromisoformat("9999-12-31T23:59:59-14:00"),
        datetime.fromisoformat("0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_date_later_than_the_record_or_impossible_is_rejected(log: Log, published_at: datetime) -> None:
    outcome = process(log, published_at, timestamp_ms=unix_ms(START))
    assert "`$.published_at`" in outcome.rejected[0].reason
    assert outcome.messages == []
