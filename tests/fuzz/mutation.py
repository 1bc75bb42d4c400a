"""Damage bytes and JSON objects."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

Fields = dict[str, Any]


def _flip_bytes(rng: random.Random, data: bytes) -> bytes:
    result = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        result[rng.randrange(len(result))] = rng.randrange(256)
    return bytes(result)


def _splice(rng: random.Random, data: bytes) -> bytes:
    start, end = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:start] + rng.choice(
        (data[end:], data[start:end] * 3 + data[start:], b"\x00" + data[start:], b"\xff" + data[start:])
    )


_BYTES: Final[dict[str, Callable[[random.Random, bytes], bytes]]] = {
    "flipped bytes": _flip_bytes,
    "spliced": _splice,
    "truncated": lambda rng, data: data[: rng.randrange(len(data))],
    "trailing bytes": lambda rng, data: data + rng.choice((b"}", b"{}", b"\x00", data)),
    "UTF-16": lambda rng, data: data.decode().encode(rng.choice(("utf-16", "utf-16-be", "utf-32"))),
    "Latin-1": lambda _rng, data: data.replace(b'"', b'"\xe9\xfc', 3),
    "surrogates in UTF-8": lambda _rng, data: data.replace(b'": "', b'": "\xed\xa0\x80', 2),
    "byte order mark": lambda _rng, data: b"\xef\xbb\xbf" + data,
    "noise": lambda rng, data: rng.randbytes(rng.randint(0, len(data))),
    "deep nesting": lambda rng, data: rng.choice((b"[", b'{"a":')) * rng.randint(50, 20_000) + data,
    "deep unknown field": lambda rng, data: (
        b'{"more":' + b"[" * (n := rng.randint(1, 3_000)) + b"]" * n + b"," + data[1:]
    ),
}
DAMAGES: Final = tuple(_BYTES)


def damage(rng: random.Random, name: str, data: bytes) -> bytes:
    """Return the bytes after this damage, which may have no effect on decoding."""
    return _BYTES[name](rng, data)


ODD_VALUES: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 3.25, 1e308, float("inf"), float("nan"), 10**30, -(10**400), "", " ", "\u0000", "0",
    [], ["a"], {}, {"a": 1},
    "2025-02-30T10:00:00Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2016-12-31T23:59:60Z",
    "2031-01-01T00:00:00", "2031-01-01T00:00:00.123456789123Z", "1969-01-01T00:00:00Z", "2031-01-01T00:00:00+23:59", "yesterday",
    "x" * 300, "é" * 200, "\U0001f600" * 256, "\u202egnp.exe", "a/b", "../..", "main\n", "\ud800", "\x1b]0;x\x07",
)  # fmt: skip


UNCHANGED: Final = frozenset({"command_id"})
"""Producers must give each command a unique id: with a duplicate id the result would be ambiguous."""


def with_odd_field(rng: random.Random, fields: Fields) -> bytes:
    """Return the object with one field of another type or value."""
    changed = {**fields, _choose_field(rng, fields): rng.choice(ODD_VALUES)}
    return json.dumps(changed).encode()


def with_field_missing(rng: random.Random, fields: Fields) -> bytes:
    """Return the object without one of its fields."""
    left_out = rng.choice(list(fields))
    return json.dumps({name: value for name, value in fields.items() if name != left_out}).encode()


def with_field_twice(rng: random.Random, fields: Fields) -> bytes:
    """Return the object with one field twice, the second time with another value."""
    more = {_choose_field(rng, fields): rng.choice(ODD_VALUES)}
    return json.dumps(fields).encode()[:-1] + b", " + json.dumps(more).encode()[1:]


def _choose_field(rng: random.Random, fields: Fields) -> str:
    return rng.choice([name for name in fields if name not in UNCHANGED])
