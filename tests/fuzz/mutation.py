"""Damage done to bytes and to JSON objects."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

Fields = dict[str, Any]


def _flipped(chance: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def _spliced(chance: random.Random, data: bytes) -> bytes:
    at, upto = sorted((chance.randrange(len(data)), chance.randrange(len(data))))
    return data[:at] + chance.choice(
        (data[upto:], data[at:upto] * 3 + data[at:], b"\x00" + data[at:], b"\xff" + data[at:])
    )


_BYTES: Final[dict[str, Callable[[random.Random, bytes], bytes]]] = {
    "flipped bytes": _flipped,
    "spliced": _spliced,
    "cut short": lambda chance, data: data[: chance.randrange(len(data))],
    "more behind it": lambda chance, data: data + chance.choice((b"}", b"{}", b"\x00", data)),
    "UTF-16": lambda chance, data: data.decode().encode(chance.choice(("utf-16", "utf-16-be", "utf-32"))),
    "Latin-1": lambda _chance, data: data.replace(b'"', b'"\xe9\xfc', 3),
    "surrogates in UTF-8": lambda _chance, data: data.replace(b'": "', b'": "\xed\xa0\x80', 2),
    "byte order mark": lambda _chance, data: b"\xef\xbb\xbf" + data,
    "noise": lambda chance, data: chance.randbytes(chance.randint(0, len(data))),
    "deep": lambda chance, data: chance.choice((b"[", b'{"a":')) * chance.randint(50, 20_000) + data,
    "deep unknown field": lambda chance, data: (
        b'{"more":' + b"[" * (n := chance.randint(1, 3_000)) + b"]" * n + b"," + data[1:]
    ),
}
DAMAGES: Final = tuple(_BYTES)


def damaged(chance: random.Random, name: str, data: bytes) -> bytes:
    """The bytes after this damage; it may happen that it changes nothing that is read."""
    return _BYTES[name](chance, data)


ODD_VALUES: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 3.25, 1e308, float("inf"), float("nan"), 10**30, -(10**400), "", " ", "\u0000", "0",
    [], ["a"], {}, {"a": 1},
    "2025-02-30T10:00:00Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2016-12-31T23:59:60Z",
    "2031-01-01T00:00:00", "2031-01-01T00:00:00.123456789123Z", "1969-01-01T00:00:00Z", "2031-01-01T00:00:00+23:59", "yesterday",
    "x" * 300, "é" * 200, "\U0001f600" * 256, "\u202egnp.exe", "a/b", "../..", "main\n", "\ud800", "\x1b]0;x\x07",
)  # fmt: skip


NAMES: Final = frozenset({"command_id"})
"""A name of its own for each command is a promise of its producers: two of one name are for nobody to tell apart."""


def with_odd_field(chance: random.Random, fields: Fields) -> bytes:
    """The object with one field of another type or value."""
    changed = {**fields, _one_of(chance, fields): chance.choice(ODD_VALUES)}
    return json.dumps(changed).encode()


def with_field_missing(chance: random.Random, fields: Fields) -> bytes:
    """The object without one of its fields."""
    left_out = chance.choice(list(fields))
    return json.dumps({name: value for name, value in fields.items() if name != left_out}).encode()


def with_field_twice(chance: random.Random, fields: Fields) -> bytes:
    """The object with one field twice, the second time with another value."""
    more = {_one_of(chance, fields): chance.choice(ODD_VALUES)}
    return json.dumps(fields).encode()[:-1] + b", " + json.dumps(more).encode()[1:]


def _one_of(chance: random.Random, fields: Fields) -> str:
    return chance.choice([name for name in fields if name not in NAMES])
