"""Dead letters keep their records unchanged, and too many of them stop a service."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.topics import ARTICLES, DEAD_LETTERS
from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.dead_letters import (
    REASON,
    REASON_CHARACTERS_MAX,
    RECORDS_MIN,
    WINDOW_RECORDS,
    DeadLetterGuard,
    TooManyDeadLetters,
    build_dead_letter,
    original_message,
)
from newsloom.streaming.log import Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, Record
from newsloom.streaming.scan import read_topic
from newsloom.streaming.step import Rejection

HEADER_NAMES = st.one_of(st.text(max_size=8), st.sampled_from(["dead-letter-topic", "dead-letter-mine", REASON]))
RECORDS = st.builds(
    Record,
    topic=st.sampled_from(["news.articles", "news.article-vectors"]),
    partition=st.integers(0, 99),
    offset=st.integers(0, 2**40),
    timestamp_ms=st.integers(-1, 2**45),
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=50),
    headers=st.lists(st.tuples(HEADER_NAMES, st.binary(max_size=8)), max_size=4).map(tuple),
)
# Surrogates too: a reason may quote a file name or invalid text.
REASONS = st.text(st.characters(), max_size=40)


def arrived(message: Message) -> Record:
    return Record(message.topic, 0, 0, 0, message.key, message.value, message.headers)


@given(RECORDS, REASONS)
def test_the_original_message_equals_the_record(record: Record, reason: str) -> None:
    letter = build_dead_letter(Rejection(record, reason), topic="news.dead-letters", service="embedder")
    assert (letter.topic, letter.key, letter.value) == ("news.dead-letters", record.key, record.value)
    assert letter.headers[: len(record.headers)] == record.headers
    assert original_message(arrived(letter)) == Message(
        record.topic, record.key, record.value, headers=record.headers, timestamp_ms=record.timestamp_ms
    )


@given(RECORDS, st.lists(REASONS, min_size=2, max_size=4))
def test_a_repeatedly_rejected_record_does_not_grow(record: Record, reasons: list[str]) -> None:
    first = build_dead_letter(Rejection(record, reasons[0]), topic="letters", service="embedder")
    letter = first
    for reason in reasons[1:]:
        back = original_message(arrived(letter))
        again = Record(back.topic, 3, 4, back.timestamp_ms or 0, back.key, back.value, back.headers)
        letter = build_dead_letter(Rejection(again, reason), topic="letters", service="embedder")
    assert len(letter.headers) == len(first.headers)


@pytest.mark.parametrize("headers", [(), (("dead-letter-reason", b"why"),), (("dead-letter-topic", b"news.articles"),)])
def test_a_record_without_the_added_headers_has_no_origin(headers: tuple[tuple[str, bytes], ...]) -> None:
    with pytest.raises(ValueError, match="its origin is unknown"):
        original_message(Record("letters", 0, 0, 0, b"k", b"v", headers))


def test_a_long_reason_is_truncated() -> None:
    rejection = Rejection(Record("in", 0, 0, 0, None, b""), f"Invalid enum value '{'z' * 1_000_000}' - at `$.leaning`")
    reason = arrived(build_dead_letter(rejection, topic="letters", service="embedder")).header(REASON) or ""
    assert len(reason) <= REASON_CHARACTERS_MAX
    assert reason.startswith("Invalid enum value 'zzz")
    assert reason.endswith("zz' - at `$.leaning`")


def test_a_dead_letter_of_the_largest_article_fits_with_any_reason() -> None:
    log = open_log_url("sqlite://")
    log.admin().create(topic_specs(Settings()))
    value = b"x" * (ARTICLES.max_record_bytes - 300)
    record = Record("news.articles", 0, 0, 0, b"k" * 256, value)
    letter = build_dead_letter(
        Rejection(record, "\N{MUSICAL SYMBOL G CLEF}" * 1_000_000), topic="news.dead-letters", service="e"
    )
    log.writer("test").write([letter], Progress(1))
    assert [found.value for found in read_topic(log, f"news.{DEAD_LETTERS.name}")] == [value]
    log.close()


def observe(guard: DeadLetterGuard, processed: int, rejections: int) -> None:
    guard.observe(processed=processed, rejections=rejections, reason="no title")
    guard.confirm()


def test_the_limit_applies_only_after_records_min() -> None:
    observe(DeadLetterGuard(0.1), 0, RECORDS_MIN - 1)


def test_the_share_is_counted_over_batches() -> None:
    guard = DeadLetterGuard(0.5)
    for _ in range(10):
        observe(guard, 5, 5)
    with pytest.raises(TooManyDeadLetters, match=r"51 of the last 101 records.*50%.*no title.*DEAD_LETTER_SHARE_MAX"):
        observe(guard, 0, 1)


def test_only_the_latest_records_count() -> None:
    guard = DeadLetterGuard(0.5)
    observe(guard, WINDOW_RECORDS, 0)
    observe(guard, 0, WINDOW_RECORDS // 2)
    with pytest.raises(TooManyDeadLetters):
        observe(guard, 0, 1)


def test_an_uncommitted_batch_is_counted_once() -> None:
    guard = DeadLetterGuard(0.5)
    for _ in range(10):
        guard.observe(processed=20, rejections=RECORDS_MIN - 21, reason="no title")


def test_a_share_of_1_never_stops_the_service() -> None:
    observe(DeadLetterGuard(1.0), 0, 2 * WINDOW_RECORDS)
