"""Records for `articles`: valid articles, hostile but valid ones, and invalid records."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from newsloom.contracts.pipeline import EDITION_HEADER
from newsloom.contracts.topics import ARTICLES
from newsloom.streaming.records import Headers
from tests.fuzz.mutation import DAMAGES, Fields, damage, with_field_missing, with_field_twice, with_odd_field
from tests.fuzz.record import Expected, FuzzRecord
from tests.fuzz.texts import HOSTILE_TEXTS, TEXT_CHARACTERS_MAX, TITLE_CHARACTERS_MAX, hostile_text, words

EDITIONS: Final = ("main", "de", "a.b-c_d", "0", "x" * 64)
ARTICLE_IDS: Final = 150
"""Article ids of each edition: few, so that there are duplicates, corrections and retractions of existing articles."""
SUBJECTS: Final = 40
_ODD_EDITIONS: Final = ("", "Main", "x" * 65, "a b", "de/", "../x", "é", "-x", "main\n", "\u202e", "a\x00")
_ODD_HEADERS: Final[tuple[Headers, ...]] = (
    (("traceparent", b"\xff" * 200_000),),
    (("traceparent", b"00-" + b"f" * 300_000),),
    (("traceparent", b"\x1b]0;x\x07"), ("traceparent", b"")),
    (("edition", b"\xff\xfe"), ("content-type", b"text/html")),
    (("dead-letter-reason", b"mine"), ("dead-letter-topic", b"x"), ("dead-letter-offset", b"NaN")),
    tuple((f"h{number}", b"v" * 100) for number in range(2_000)),
    (("", b""), ("\u202e" * 100, b"\x00"), ("é" * 500, b"\xff" * 10)),
    (("ce_type", b"newsloom.story.merged.v9"), ("ce_id", b"1"), ("ce_specversion", b"9.9")),
)
_EXTREME_TIMESTAMPS_MS: Final = (
    -(2**63),
    2**63 - 1,
    2**62,
    -(10**13),
    253_402_300_799_000,
    9_000_000_000_000_000,
    -2_300_000_000_000,
)
"""Timestamps in impossible years: all must be rejected."""


class Articles:
    """Generates records for `articles`. `now_ms` is the time of the record."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._latest: FuzzRecord | None = None
        self._kinds: Final[dict[str, Callable[[int], FuzzRecord]]] = {
            "valid": self._valid,
            "duplicate": self._duplicate,
            "retraction": self._retraction,
            "hostile text": self._hostile_text,
            "headers": self._odd_headers,
            "damaged": self._damaged,
            "odd field": self._odd_field,
            "field missing": self._field_missing,
            "field twice": self._field_twice,
            "odd edition": self._odd_edition,
            "odd retraction": self._odd_retraction,
            "wrong key": self._wrong_key,
            "odd id": self._odd_id,
            "impossible date": self._impossible_date,
            "extreme timestamp": self._extreme_timestamp,
            "empty": self._empty,
            "oversized": self._oversized,
        }
        self._weights = [6, 1.5, 2, 0.3, 0.5, 8, 8, 4, 3, 4, 4, 4, 2, 4, 4, 3, 0.05]

    def next(self, now_ms: int) -> FuzzRecord:
        """Return the next record."""
        (kind,) = self._rng.choices(list(self._kinds), self._weights)
        return self._kinds[kind](now_ms)

    def fields(self, now_ms: int) -> Fields:
        """Return the fields of a valid article."""
        rng = self._rng
        subject = rng.randrange(SUBJECTS)
        number = rng.randrange(ARTICLE_IDS)
        fields: dict[str, Any] = {
            "id": f"a{number}",
            "title": f"Subject{subject} {words(rng, subject, 6)}",
            "text": words(rng, subject, rng.choice((0, 12, 60))),
            "published_at": _rfc3339(now_ms - rng.randrange(3_600_000)),
            "outlet": f"Outlet {rng.randrange(12)}",
            "leaning": rng.choice(("left", "center", "right", None)),
            "edition": rng.choice(EDITIONS),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _sent(self, kind: str, expected: Expected, value: bytes, key: object = None, **rest: Any) -> FuzzRecord:
        data = None if key is None else str(key).encode("utf-8", "surrogatepass")
        return FuzzRecord(f"article: {kind}", ARTICLES, data, value, expected, **rest)

    def _valid(self, now_ms: int) -> FuzzRecord:
        fields = self.fields(now_ms)
        self._latest = self._sent("valid", Expected.PROCESSED, _json(fields), fields["id"], timestamp_ms=now_ms)
        return self._latest

    def _duplicate(self, now_ms: int) -> FuzzRecord:
        if self._latest is None:
            return self._valid(now_ms)
        return replace(self._latest, kind="article: duplicate", timestamp_ms=now_ms)

    def _retraction(self, now_ms: int) -> FuzzRecord:
        key = f"a{self._rng.randrange(ARTICLE_IDS)}".encode()
        headers = ((EDITION_HEADER, self._rng.choice(EDITIONS).encode()),)
        return FuzzRecord("article: retraction", ARTICLES, key, None, Expected.PROCESSED, headers, now_ms)

    def _hostile_text(self, now_ms: int) -> FuzzRecord:
        rng = self._rng
        fields, name = self.fields(now_ms), rng.choice(HOSTILE_TEXTS)
        field, largest = rng.choice(
            (("text", TEXT_CHARACTERS_MAX), ("title", TITLE_CHARACTERS_MAX), ("outlet", 256), ("url", 2_048))
        )
        size = rng.choice((largest, largest + 1, *[largest // 10] * 4, *[largest // 100] * 4))
        fields[field] = hostile_text(rng, name, size)
        value = json.dumps(fields, ensure_ascii=False).encode()
        while len(value) > ARTICLES.max_record_bytes - 1_000:
            fields[field] = fields[field][: len(fields[field]) * 3 // 4]
            value = json.dumps(fields, ensure_ascii=False).encode()
        # Text preparation may leave nothing of the text: then the article is rejected.
        return self._sent(f"{name} in {field}", Expected.EITHER, value, fields["id"], timestamp_ms=now_ms)

    def _odd_headers(self, now_ms: int) -> FuzzRecord:
        fields = self.fields(now_ms)
        headers = self._rng.choice(_ODD_HEADERS)
        return self._sent(
            "headers", Expected.PROCESSED, _json(fields), fields["id"], headers=headers, timestamp_ms=now_ms
        )

    def _damaged(self, now_ms: int) -> FuzzRecord:
        name, fields = self._rng.choice(DAMAGES), self.fields(now_ms)
        return self._sent(
            name, Expected.EITHER, damage(self._rng, name, _json(fields)), fields["id"], timestamp_ms=now_ms
        )

    def _odd_field(self, now_ms: int) -> FuzzRecord:
        fields = self.fields(now_ms)
        return self._sent("odd field", Expected.EITHER, with_odd_field(self._rng, fields), None, timestamp_ms=now_ms)

    def _field_missing(self, now_ms: int) -> FuzzRecord:
        value = with_field_missing(self._rng, {name: v for name, v in self.fields(now_ms).items() if name in _REQUIRED})
        return self._sent("field missing", Expected.REJECTED, value, None, timestamp_ms=now_ms)

    def _field_twice(self, now_ms: int) -> FuzzRecord:
        fields = self.fields(now_ms)
        return self._sent(
            "field twice", Expected.EITHER, with_field_twice(self._rng, fields), None, timestamp_ms=now_ms
        )

    def _odd_edition(self, now_ms: int) -> FuzzRecord:
        fields = self.fields(now_ms) | {"edition": self._rng.choice(_ODD_EDITIONS)}
        return self._sent("odd edition", Expected.REJECTED, _json(fields), fields["id"], timestamp_ms=now_ms)

    def _odd_retraction(self, now_ms: int) -> FuzzRecord:
        rng = self._rng
        key = rng.choice((None, b"", b"\xff\xfe", b"x" * 257, b"\xed\xa0\x80"))
        headers: Headers = ()
        if rng.random() < 0.3:
            key, headers = (
                b"a1",
                ((EDITION_HEADER, rng.choice((*_ODD_EDITIONS, "\xff")).encode("latin-1", "replace")),),
            )
        return FuzzRecord("article: odd retraction", ARTICLES, key, None, Expected.REJECTED, headers, now_ms)

    def _wrong_key(self, now_ms: int) -> FuzzRecord:
        key = self._rng.choice(("", "b1", "\x00", "x" * 10_000, "\u202e", "a1 "))
        return self._sent("wrong key", Expected.REJECTED, _json(self.fields(now_ms)), key, timestamp_ms=now_ms)

    def _odd_id(self, now_ms: int) -> FuzzRecord:
        rng = self._rng
        odd = rng.choice(("x" * 257, "é" * 129, "\U0001f600" * 65, "", "\ud800", "x" * 10_000))
        expected = Expected.REJECTED
        if rng.random() < 0.5:
            odd, expected = (
                rng.choice(("\x00" * 256, "é" * 128, '"' * 256, "\x1b[31m", " ", "\u202e", "../x", "\n")),
                Expected.PROCESSED,
            )
        return self._sent("odd id", expected, _json(self.fields(now_ms) | {"id": odd}), odd, timestamp_ms=now_ms)

    def _impossible_date(self, now_ms: int) -> FuzzRecord:
        dates = (
            "2025-02-30T10:00:00Z",
            "0800-12-25T10:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "2025-04-18T10:00:00",
            "1899-12-31T23:59:59Z",
        )
        fields = self.fields(now_ms) | {"published_at": self._rng.choice((*dates, "now", "", 7, 1e99))}
        return self._sent("impossible date", Expected.REJECTED, _json(fields), fields["id"], timestamp_ms=now_ms)

    def _extreme_timestamp(self, now_ms: int) -> FuzzRecord:
        fields = self.fields(now_ms)
        del fields["published_at"]
        at = self._rng.choice(_EXTREME_TIMESTAMPS_MS)
        return self._sent("extreme timestamp", Expected.REJECTED, _json(fields), fields["id"], timestamp_ms=at)

    def _empty(self, now_ms: int) -> FuzzRecord:
        fields = self.fields(now_ms) | {
            "title": self._rng.choice(("", " ", "<p></p>", "\u200b")),
            "text": "\n \u00a0",
        }
        return self._sent("empty", Expected.REJECTED, _json(fields), fields["id"], timestamp_ms=now_ms)

    def _oversized(self, now_ms: int) -> FuzzRecord:
        """Return a record as large as the topic allows."""
        fields = self.fields(now_ms)
        room = ARTICLES.max_record_bytes - len(fields["id"])
        value = _json(fields | {"more": ""})
        filler = self._rng.choice((b"x", b'\\"', b"\xc3\xa9")) * room
        value = value[:-2] + filler[: (room - len(value)) // 2 * 2] + value[-2:]
        return self._sent("oversized", Expected.EITHER, value, fields["id"], timestamp_ms=now_ms)


_REQUIRED: Final = frozenset({"id", "title", "text"})


def _json(fields: Fields) -> bytes:
    return json.dumps(fields).encode()


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, tz=UTC).isoformat()
