"""Records for `articles`: valid ones, hostile ones that are none the less articles, and what cannot be read at all."""

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
from tests.fuzz.mutation import DAMAGES, Fields, damaged, with_field_missing, with_field_twice, with_odd_field
from tests.fuzz.record import Fate, Sent
from tests.fuzz.texts import BOMBS, TEXT_CHARACTERS_MAX, TITLE_CHARACTERS_MAX, bomb, words

EDITIONS: Final = ("main", "de", "a.b-c_d", "0", "x" * 64)
ARTICLE_IDS: Final = 150
"""Of each edition: few enough for repeats, corrections and retractions of what is known."""
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
_FAR_OFF_MS: Final = (
    -(2**63),
    2**63 - 1,
    2**62,
    -(10**13),
    253_402_300_799_000,
    9_000_000_000_000_000,
    -2_300_000_000_000,
)
"""In no year that a feed means: all of these must be refused."""


class Articles:
    """A generator of records for `articles`. `now_ms` is the time of the record."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._latest: Sent | None = None
        self._kinds: Final[dict[str, Callable[[int], Sent]]] = {
            "valid": self._valid,
            "again": self._again,
            "retraction": self._retraction,
            "bomb": self._bomb,
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
            "timestamp far off": self._far_off,
            "empty": self._empty,
            "oversized": self._oversized,
        }
        self._weights = [6, 1.5, 2, 0.3, 0.5, 8, 8, 4, 3, 4, 4, 4, 2, 4, 4, 3, 0.05]

    def next(self, now_ms: int) -> Sent:
        """The next record."""
        (kind,) = self._chance.choices(list(self._kinds), self._weights)
        return self._kinds[kind](now_ms)

    def fields(self, now_ms: int) -> Fields:
        """A valid article."""
        chance = self._chance
        subject = chance.randrange(SUBJECTS)
        number = chance.randrange(ARTICLE_IDS)
        fields: dict[str, Any] = {
            "id": f"a{number}",
            "title": f"Subject{subject} {words(chance, subject, 6)}",
            "text": words(chance, subject, chance.choice((0, 12, 60))),
            "published_at": _rfc3339(now_ms - chance.randrange(3_600_000)),
            "outlet": f"Outlet {chance.randrange(12)}",
            "leaning": chance.choice(("left", "center", "right", None)),
            "edition": chance.choice(EDITIONS),
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _sent(self, kind: str, fate: Fate, value: bytes, key: object = None, **rest: Any) -> Sent:
        data = None if key is None else str(key).encode("utf-8", "surrogatepass")
        return Sent(f"article: {kind}", ARTICLES, data, value, fate, **rest)

    def _valid(self, now_ms: int) -> Sent:
        fields = self.fields(now_ms)
        self._latest = self._sent("valid", Fate.PROCESSED, _json(fields), fields["id"], timestamp_ms=now_ms)
        return self._latest

    def _again(self, now_ms: int) -> Sent:
        if self._latest is None:
            return self._valid(now_ms)
        return replace(self._latest, kind="article: again", timestamp_ms=now_ms)

    def _retraction(self, now_ms: int) -> Sent:
        key = f"a{self._chance.randrange(ARTICLE_IDS)}".encode()
        headers = ((EDITION_HEADER, self._chance.choice(EDITIONS).encode()),)
        return Sent("article: retraction", ARTICLES, key, None, Fate.PROCESSED, headers, now_ms)

    def _bomb(self, now_ms: int) -> Sent:
        chance = self._chance
        fields, name = self.fields(now_ms), chance.choice(BOMBS)
        place, largest = chance.choice(
            (("text", TEXT_CHARACTERS_MAX), ("title", TITLE_CHARACTERS_MAX), ("outlet", 256), ("url", 2_048))
        )
        size = chance.choice((largest, largest + 1, *[largest // 10] * 4, *[largest // 100] * 4))
        fields[place] = bomb(chance, name, size)
        value = json.dumps(fields, ensure_ascii=False).encode()
        while len(value) > ARTICLES.max_record_bytes - 1_000:
            fields[place] = fields[place][: len(fields[place]) * 3 // 4]
            value = json.dumps(fields, ensure_ascii=False).encode()
        # Of some of them nothing is left.
        return self._sent(f"{name} in {place}", Fate.EITHER, value, fields["id"], timestamp_ms=now_ms)

    def _odd_headers(self, now_ms: int) -> Sent:
        fields = self.fields(now_ms)
        headers = self._chance.choice(_ODD_HEADERS)
        return self._sent("headers", Fate.PROCESSED, _json(fields), fields["id"], headers=headers, timestamp_ms=now_ms)

    def _damaged(self, now_ms: int) -> Sent:
        name, fields = self._chance.choice(DAMAGES), self.fields(now_ms)
        return self._sent(
            name, Fate.EITHER, damaged(self._chance, name, _json(fields)), fields["id"], timestamp_ms=now_ms
        )

    def _odd_field(self, now_ms: int) -> Sent:
        fields = self.fields(now_ms)
        return self._sent("odd field", Fate.EITHER, with_odd_field(self._chance, fields), None, timestamp_ms=now_ms)

    def _field_missing(self, now_ms: int) -> Sent:
        value = with_field_missing(
            self._chance, {name: v for name, v in self.fields(now_ms).items() if name in _REQUIRED}
        )
        return self._sent("field missing", Fate.REJECTED, value, None, timestamp_ms=now_ms)

    def _field_twice(self, now_ms: int) -> Sent:
        fields = self.fields(now_ms)
        return self._sent("field twice", Fate.EITHER, with_field_twice(self._chance, fields), None, timestamp_ms=now_ms)

    def _odd_edition(self, now_ms: int) -> Sent:
        fields = self.fields(now_ms) | {"edition": self._chance.choice(_ODD_EDITIONS)}
        return self._sent("odd edition", Fate.REJECTED, _json(fields), fields["id"], timestamp_ms=now_ms)

    def _odd_retraction(self, now_ms: int) -> Sent:
        chance = self._chance
        key = chance.choice((None, b"", b"\xff\xfe", b"x" * 257, b"\xed\xa0\x80"))
        headers: Headers = ()
        if chance.random() < 0.3:
            key, headers = (
                b"a1",
                ((EDITION_HEADER, chance.choice((*_ODD_EDITIONS, "\xff")).encode("latin-1", "replace")),),
            )
        return Sent("article: odd retraction", ARTICLES, key, None, Fate.REJECTED, headers, now_ms)

    def _wrong_key(self, now_ms: int) -> Sent:
        key = self._chance.choice(("", "b1", "\x00", "x" * 10_000, "\u202e", "a1 "))
        return self._sent("wrong key", Fate.REJECTED, _json(self.fields(now_ms)), key, timestamp_ms=now_ms)

    def _odd_id(self, now_ms: int) -> Sent:
        chance = self._chance
        odd = chance.choice(("x" * 257, "é" * 129, "\U0001f600" * 65, "", "\ud800", "x" * 10_000))
        fate = Fate.REJECTED
        if chance.random() < 0.5:
            odd, fate = (
                chance.choice(("\x00" * 256, "é" * 128, '"' * 256, "\x1b[31m", " ", "\u202e", "../x", "\n")),
                Fate.PROCESSED,
            )
        return self._sent("odd id", fate, _json(self.fields(now_ms) | {"id": odd}), odd, timestamp_ms=now_ms)

    def _impossible_date(self, now_ms: int) -> Sent:
        dates = (
            "2025-02-30T10:00:00Z",
            "0800-12-25T10:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "2025-04-18T10:00:00",
            "1899-12-31T23:59:59Z",
        )
        fields = self.fields(now_ms) | {"published_at": self._chance.choice((*dates, "now", "", 7, 1e99))}
        return self._sent("impossible date", Fate.REJECTED, _json(fields), fields["id"], timestamp_ms=now_ms)

    def _far_off(self, now_ms: int) -> Sent:
        fields = self.fields(now_ms)
        del fields["published_at"]
        at = self._chance.choice(_FAR_OFF_MS)
        return self._sent("timestamp far off", Fate.REJECTED, _json(fields), fields["id"], timestamp_ms=at)

    def _empty(self, now_ms: int) -> Sent:
        fields = self.fields(now_ms) | {
            "title": self._chance.choice(("", " ", "<p></p>", "\u200b")),
            "text": "\n \u00a0",
        }
        return self._sent("empty", Fate.REJECTED, _json(fields), fields["id"], timestamp_ms=now_ms)

    def _oversized(self, now_ms: int) -> Sent:
        """As large as the topic takes."""
        fields = self.fields(now_ms)
        room = ARTICLES.max_record_bytes - len(fields["id"])
        value = _json(fields | {"more": ""})
        filler = self._chance.choice((b"x", b'\\"', b"\xc3\xa9")) * room
        value = value[:-2] + filler[: (room - len(value)) // 2 * 2] + value[-2:]
        return self._sent("oversized", Fate.EITHER, value, fields["id"], timestamp_ms=now_ms)


_REQUIRED: Final = frozenset({"id", "title", "text"})


def _json(fields: Fields) -> bytes:
    return json.dumps(fields).encode()


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, tz=UTC).isoformat()
