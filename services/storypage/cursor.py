"""Cursors: where the next page of a list begins, as text that only this program reads."""

from __future__ import annotations

import base64
import binascii
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

NUMBER_MAX: Final = 2**62
"""SQLite's integers have 64 bits."""
_ADVICE: Final = "not a cursor: send the `next` of the page before, with the same order"


class InvalidCursor(ValueError):
    """The text is not a cursor of this list."""


def encode_cursor(value: object) -> str:
    """Return the value as text for a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


def decode_cursor(text: str, kind: type[T]) -> T:
    """Return the value in a text of `encode_cursor`; raise `InvalidCursor`."""
    try:
        value = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise InvalidCursor(_ADVICE) from error
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, int) and abs(number) > NUMBER_MAX for number in numbers):
        raise InvalidCursor(_ADVICE)
    return value
