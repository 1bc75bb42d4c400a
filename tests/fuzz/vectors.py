"""Records for `article-vectors` that no embedder wrote, as from a faulty or hostile producer."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final

import numpy as np

from newsloom.contracts.topics import ARTICLE_VECTORS
from tests.fuzz.articles import ARTICLE_IDS, EDITIONS
from tests.fuzz.broken_fields import BrokenFields
from tests.fuzz.encoder import DIMENSION, MODEL
from tests.fuzz.mutation import Fields
from tests.fuzz.record import Expected, FuzzRecord

_HALF_MAX: Final = 65_504


class Vectors(BrokenFields):
    """Generates records for `article-vectors`. `now_ms` is the time of the record."""

    topic = ARTICLE_VECTORS
    name = "vector"

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._new_editions = list(EDITIONS)
        self._kinds: Final[dict[str, Callable[[int], FuzzRecord]]] = {
            "valid": self._valid,
            "retraction": self._retraction,
            "odd vector": self._odd_vector,
            "odd hashes": self._odd_hashes,
            "other model": self._other_model,
            "too much": self._too_much,
            "out of time": self._out_of_time,
            "damaged": self._damaged,
            "odd field": self._odd_field,
            "field missing": self._field_missing,
            "field twice": self._field_twice,
            "wrong key": self._wrong_key,
            "null": self._null,
        }
        self._weights = [4, 2, 10, 6, 3, 1, 4, 10, 8, 5, 4, 4, 2]

    def next(self, now_ms: int) -> FuzzRecord:
        """Return the next record. Each edition begins with a valid one: its first vector sets its text preparation."""
        if self._new_editions:
            return self._sent(
                "valid", Expected.PROCESSED, self._fields(now_ms) | {"edition": self._new_editions.pop()}, now_ms
            )
        (kind,) = self._rng.choices(list(self._kinds), self._weights)
        return self._kinds[kind](now_ms)

    def _fields(self, now_ms: int) -> Fields:
        rng = self._rng
        number = rng.randrange(ARTICLE_IDS)
        return {
            "kind": "vector",
            "article_id": f"v{number}",
            "edition": rng.choice(EDITIONS),
            "title": f"Vector {number}",
            "published_at": datetime.fromtimestamp((now_ms - rng.randrange(3_600_000)) / 1_000, tz=UTC).isoformat(),
            "digest": format(rng.randrange(8), "032x"),
            "words": 40,
            "shingles": self._hashes(37),
            "title_vector": _halves(self._unit()),
            "lead_vector": _halves(self._unit()),
            "terms": self._hashes(29),
            "term_counts": _base64(rng.randbytes(30)),
            "model": MODEL,
            "preparation": "1",
        }

    def _hashes(self, count: int) -> str:
        steps = (1 + step for step in self._rng.randbytes(count))
        return _hashes(list(accumulate(steps, initial=self._rng.getrandbits(24))))

    def _unit(self, dimension: int = DIMENSION) -> np.ndarray[Any, np.dtype[np.float64]]:
        values = np.frombuffer(self._rng.randbytes(dimension), dtype=np.uint8) - 127.5
        unit: np.ndarray[Any, np.dtype[np.float64]] = values / np.linalg.norm(values)
        return unit

    def _new(self, now_ms: int) -> Fields:
        """Return fields with a new digest, as the other fields of a duplicate are ignored."""
        return self._fields(now_ms) | {"digest": format(self._rng.getrandbits(128), "032x")}

    def _sent(self, kind: str, expected: Expected, fields: Fields, now_ms: int, key: bytes | None = None) -> FuzzRecord:
        value = json.dumps(fields).encode()
        return _sent(kind, expected, value, fields["edition"].encode() if key is None else key, now_ms)

    def _valid(self, now_ms: int) -> FuzzRecord:
        return self._sent("valid", Expected.PROCESSED, self._fields(now_ms), now_ms)

    def _retraction(self, now_ms: int) -> FuzzRecord:
        fields = {"kind": "retraction", "article_id": f"v{self._rng.randrange(ARTICLE_IDS)}", "edition": "main"}
        return self._sent("retraction", Expected.PROCESSED, fields, now_ms)

    def _odd_vector(self, now_ms: int) -> FuzzRecord:
        rng = self._rng
        vector = rng.choice(
            (
                _halves(self._unit(DIMENSION - 1)),
                _halves(self._unit(DIMENSION * 2)),
                _halves(np.ones(20_000) / np.sqrt(20_000)),
                _halves(self._unit() * rng.choice((0.0, 0.9, 1.1, -2.0, 100.0))),
                _halves(np.full(DIMENSION, _HALF_MAX)),
                _halves(np.array([float("nan")] * DIMENSION)),
                _halves(np.array([float("inf")] + [0.0] * (DIMENSION - 1))),
                _halves(np.array([-float("inf"), float("inf")] * (DIMENSION // 2))),
                _base64(self._unit().astype("<f4").tobytes()),
                _base64(self._unit().astype("<f2").tobytes()[:-1]),
                "",
                "not base64!",
                [0.25] * DIMENSION,
            )
        )
        fields = self._new(now_ms) | {rng.choice(("title_vector", "lead_vector")): vector}
        return self._sent("odd vector", Expected.REJECTED, fields, now_ms)

    def _odd_hashes(self, now_ms: int) -> FuzzRecord:
        rng = self._rng
        field, value = rng.choice(
            (
                ("terms", _base64(b"\x01")),
                ("terms", _hashes([2, 1])),
                ("terms", _hashes([1] * 30)),
                ("terms", ""),
                ("term_counts", ""),
                ("shingles", _hashes([5, 5])),
                ("shingles", _base64(b"\xff" * 7)),
            )
        )
        return self._sent("odd hashes", Expected.REJECTED, self._new(now_ms) | {field: value}, now_ms)

    def _other_model(self, now_ms: int) -> FuzzRecord:
        model = self._rng.choice(("", "other", "fuzz\x00", "\u202e", "m" * 10_000))
        return self._sent("other model", Expected.REJECTED, self._fields(now_ms) | {"model": model}, now_ms)

    def _too_much(self, now_ms: int) -> FuzzRecord:
        """Return a vector with a field that is much longer or larger than an embedder writes."""
        field, value = self._rng.choice(
            (
                ("title", "\x00" * 150_000),
                ("title", "é" * 100_000),
                ("digest", "0" * 500_000),
                ("shingles", _MANY_HASHES),
                ("words", 10**300),
                ("words", -1),
                ("language", "x" * 100_000),
                ("preparation", "1" * 100_000),
                ("url", "x" * 2_049),
                ("outlet", "x" * 257),
                ("article_id", "é" * 200),
            )
        )
        return self._sent("too much", Expected.REJECTED, self._fields(now_ms) | {field: value}, now_ms)

    def _out_of_time(self, now_ms: int) -> FuzzRecord:
        early, late = (
            ("0001-01-01T00:00:00+14:00", "1800-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "2190-01-01T00:00:00Z"),
        )
        date = self._rng.choice((*early, *late, "9999-12-31T23:59:59-14:00"))
        return self._sent("out of time", Expected.REJECTED, self._fields(now_ms) | {"published_at": date}, now_ms)

    def _wrong_key(self, now_ms: int) -> FuzzRecord:
        key = self._rng.choice((b"", b"none", b"\xff", b"x" * 10_000, b"v1"))
        return self._sent("wrong key", Expected.REJECTED, self._fields(now_ms), now_ms, key)

    def _null(self, now_ms: int) -> FuzzRecord:
        return _sent("null", Expected.REJECTED, None, self._rng.choice((None, b"main", b"\xff")), now_ms)


def _sent(kind: str, expected: Expected, value: bytes | None, key: bytes | None, now_ms: int) -> FuzzRecord:
    return FuzzRecord(f"vector: {kind}", ARTICLE_VECTORS, key, value, expected, timestamp_ms=now_ms)


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _halves(values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    return _base64(values.astype("<f2").tobytes())


def _hashes(values: list[int]) -> str:
    return _base64(np.array(values, dtype="<u4").tobytes())


_MANY_HASHES: Final = _hashes(list(range(7, 450_000, 3)))
