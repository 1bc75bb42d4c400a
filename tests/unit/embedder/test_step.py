"""The embedder's step turns records into messages and rejections. A small fake encoder replaces the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b

import numpy as np
import pytest

from newsloom.contracts.codec import decode_vector
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from newsloom.settings import Settings
from newsloom.streaming.records import Headers, Message, Record
from newsloom.streaming.step import Outcome
from services.embedder.encoder import Vectors
from services.embedder.step import EmbedderStep

NOW_MS = 1_938_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, tz=UTC)
BEFORE = "2031-05-03T10:00:00+02:00"


class BytesEncoder:
    """Derive eight components from a hash of the text: deterministic, and different for different texts."""

    model = "bytes"
    backend = "hash"
    dimension = 8

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
        vectors = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 8).astype(np.float32) + 1
        unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return unit


def process(*records: Record, encoder: BytesEncoder | None = None) -> Outcome:
    return EmbedderStep(Settings(model="bytes"), encoder or BytesEncoder()).process(records)


def record(
    value: bytes | dict[str, object] | None, *, offset: int = 7, key: bytes | None = None, **rest: object
) -> Record:
    data = json.dumps(value).encode() if isinstance(value, dict) else value
    headers: Headers = rest.get("headers", ())  # type: ignore[assignment]
    timestamp_ms = int(rest.get("timestamp_ms", NOW_MS))  # type: ignore[call-overload]
    return Record("news.articles", 3, offset, timestamp_ms, key, data, headers)


def content(**fields: object) -> dict[str, object]:
    return {"id": "a1", "title": "Ferry sinks", "text": "Divers found the bell.", "published_at": BEFORE} | fields


def vector_of(message: Message) -> ArticleVector:
    assert message.value is not None
    value = decode_vector(message.value)
    assert isinstance(value, ArticleVector)
    return value


def reason(outcome: Outcome) -> str:
    assert not outcome.messages
    (rejection,) = outcome.rejected
    return rejection.reason


def test_it_consumes_articles_and_commands_and_produces_vectors() -> None:
    step = EmbedderStep(Settings(topic_prefix="test."), BytesEncoder())
    assert list(step.input_topics) == ["test.articles", "test.story-commands"]
    (message,) = step.process([record(content())]).messages
    assert message.topic == "test.article-vectors"


def test_an_article_becomes_a_vector() -> None:
    encoder = BytesEncoder()
    full = content(outlet="Harbor Ledger", url="https://h.example/1", language="en", leaning="left", edition="coast")
    (message,) = process(record(full, key=b"a1"), encoder=encoder).messages
    value = vector_of(message)
    assert (value.article_id, value.edition, value.title, value.words) == ("a1", "coast", "Ferry sinks", 4)
    assert (value.model, value.backend, value.preparation) == ("bytes", "hash", "1")
    assert value.published_at == datetime.fromisoformat(BEFORE)
    assert (value.outlet, value.url, value.language) == ("Harbor Ledger", "https://h.example/1", "en")
    assert encoder.texts == ["Ferry sinks. Divers found the bell.", "Ferry sinks"]
    lead, title = BytesEncoder().encode(encoder.texts).astype("<f2")
    assert (value.lead_vector, value.title_vector) == (lead.tobytes(), title.tobytes())
    assert len(value.terms) == 4 * len(value.term_counts) == 4 * 6
    assert (message.key, message.partition, message.timestamp_ms) == (b"coast", None, NOW_MS)


def test_the_headers_describe_the_event() -> None:
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    (message,) = process(record(content(), headers=(("traceparent", trace), ("mine", b"x")))).messages
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"news.articles/3/7",
        "ce_source": b"newsloom/embedder",
        "ce_type": b"newsloom.article.vectorized.v1",
        "ce_subject": b"main/a1",
        "ce_time": b"2031-05-03T08:00:00Z",
        "content-type": b"application/json",
        "edition": b"main",
        "traceparent": trace,
    }


@pytest.mark.parametrize("published_at", [None, "2031-06-01T00:00:00Z", "9999-12-31T23:59:59-14:00"])
def test_a_missing_or_later_date_becomes_the_records_timestamp(published_at: str | None) -> None:
    (message,) = process(record(content(published_at=published_at))).messages
    value = vector_of(message)
    assert (value.published_at, value.dated) == (NOW, False)


def test_a_timestamp_in_seconds_overrides_no_date() -> None:
    (message,) = process(record(content(), timestamp_ms=NOW_MS // 1000)).messages
    value = vector_of(message)
    assert (value.published_at, value.dated) == (datetime.fromisoformat(BEFORE), True)


@pytest.mark.parametrize("published_at", ["1899-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_an_impossible_date_is_rejected(published_at: str) -> None:
    error = reason(process(record(content(published_at=published_at))))
    assert "impossible date" in error
    assert "`$.published_at`" in error


def test_an_invalid_traceparent_is_left_out() -> None:
    # It is copied to every message: a large one would exceed the limit of the topic and end the service.
    (message,) = process(record(content(), headers=(("traceparent", b"\xff" * 900_000),))).messages
    assert "traceparent" not in dict(message.headers)


def test_a_long_title_is_published_truncated_and_encoded_whole() -> None:
    encoder = BytesEncoder()
    title = "Ferry " * 300
    value = vector_of(process(record(content(title=title)), encoder=encoder).messages[0])
    assert value.title == title[:500]
    assert encoder.texts[-1] == title.strip()


@pytest.mark.parametrize("timestamp_ms", [-(2**62), 2**62, -(10**13), 253_402_300_799_000, 7_300_000_000_000])
@pytest.mark.parametrize("value", [content(published_at=None), None])
def test_a_record_with_an_impossible_timestamp_is_rejected(value: dict[str, object] | None, timestamp_ms: int) -> None:
    assert "record's timestamp" in reason(process(record(value, key=b"a1", timestamp_ms=timestamp_ms)))


DATE_ADVICE = ": send RFC 3339 with an offset, such as 2026-11-10T08:00:00Z - at `$.published_at`"


@pytest.mark.parametrize(
    ("value", "key", "expected"),
    [
        (b"{", None, "not JSON"),
        (b"", None, "not JSON"),
        (b"\xff\xfe", None, "not JSON"),
        (b'{"id": "a1", "title": "T"}', None, "`text`"),
        (content(title=3), None, "`$.title`"),
        (content(id="\u00e9" * 129), None, "`$.id`"),
        (content(published_at="Tue, 10 Nov 2026 08:00:00 GMT"), None, DATE_ADVICE),
        (content(published_at=1_794_312_000), None, DATE_ADVICE),
        (content(published_at="1899-12-31T23:59:59Z"), None, DATE_ADVICE),
        (content(text="x" * 300_001), None, ": send a string of up to 300,000 characters - at `$.text`"),
        (content(published_at="2031-05-03T10:00:00"), None, "`$.published_at`"),
        (content(leaning="up"), None, "`$.leaning`"),
        (content(edition="No Spaces"), None, "`$.edition`"),
        (content(), b"a2", "key is not the article's id"),
        (content(), b"", "key is not the article's id"),
        (content(title=" \u200b", text="<p></p>"), None, "title and text are both empty after preparation"),
        (content(title="", text="Advertisement"), None, "title and text are both empty after preparation"),
    ],
)
def test_an_invalid_article_is_rejected_with_the_reason(
    value: bytes | dict[str, object], key: bytes | None, expected: str
) -> None:
    assert expected in reason(process(record(value, key=key)))


def test_an_article_needs_no_text() -> None:
    (message,) = process(record(content(text=""))).messages
    assert (vector_of(message).title, vector_of(message).words) == ("Ferry sinks", 0)


@pytest.mark.parametrize(("headers", "edition"), [((), "main"), ((("edition", b"coast"),), "coast")])
def test_a_retraction_is_forwarded(headers: Headers, edition: str) -> None:
    (message,) = process(record(None, key="\u00e91".encode(), headers=headers)).messages
    assert message.value is not None
    assert decode_vector(message.value) == ArticleRetraction(article_id="\u00e91", edition=edition)
    assert (message.key, message.timestamp_ms) == (edition.encode(), NOW_MS)
    attributes = dict(message.headers)
    assert attributes["ce_type"] == b"newsloom.article.vector-retracted.v1"
    assert attributes["ce_subject"] == f"{edition}/\u00e91".encode()


@pytest.mark.parametrize(
    ("key", "headers", "expected"),
    [
        (None, (), "needs the article's id"),
        (b"", (), "needs the article's id"),
        (b"x" * 257, (), "256 bytes"),
        (b"\xff", (), "UTF-8"),
        (b"a1", (("edition", b"No Spaces"),), "edition"),
        (b"a1", (("edition", b"coast\n"),), "edition"),
        (b"a1", (("edition", b"\xff"),), "edition"),
    ],
)
def test_an_invalid_retraction_is_rejected_with_the_reason(key: bytes | None, headers: Headers, expected: str) -> None:
    assert expected in reason(process(record(None, key=key, headers=headers)))


def test_messages_keep_the_order_of_records_around_a_rejection() -> None:
    encoder = BytesEncoder()
    outcome = process(
        record(content(id="a1"), offset=1),
        record(b"{", offset=2),
        record(None, key=b"a1", offset=3),
        record(content(id="a4", title="A much longer headline than that"), offset=4),
        encoder=encoder,
    )
    assert [dict(message.headers)["ce_id"] for message in outcome.messages] == [
        b"news.articles/3/1",
        b"news.articles/3/3",
        b"news.articles/3/4",
    ]
    assert [rejection.record.offset for rejection in outcome.rejected] == [2]
    headline = vector_of(outcome.messages[2])
    assert headline.lead_vector == vector_bytes(f"{headline.title}. Divers found the bell.")
    assert headline.title_vector == vector_bytes(headline.title)


def vector_bytes(text: str) -> bytes:
    return BytesEncoder().encode([text]).astype("<f2").tobytes()


@pytest.mark.parametrize("empty", ["title", "text"])
def test_both_vectors_are_the_same_if_title_or_text_is_empty(empty: str) -> None:
    (message,) = process(record(content(**{empty: ""}))).messages
    assert vector_of(message).title_vector == vector_of(message).lead_vector


def test_a_batch_without_an_article() -> None:
    outcome = process(record(b"{"), record(None, key=b"a1"))
    assert (len(outcome.messages), len(outcome.rejected)) == (1, 1)
    assert process() == Outcome([], [])


def test_messages_do_not_depend_on_batches() -> None:
    records = [record(content(id=f"a{number}", title=f"Ferry {number} sinks"), offset=number) for number in range(9)]
    together = process(*records).messages
    assert [message for one in records for message in process(one).messages] == list(together)
