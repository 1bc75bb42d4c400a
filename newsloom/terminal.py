"""Escape text from outside before it is printed: no character may control the terminal or reorder the text on it."""

from __future__ import annotations

import json
import unicodedata
from typing import Final

JOINERS: Final = frozenset("\u200c\u200d")
"""The zero-width joiners. They shape letters and emoji, and cannot hide or reorder text."""
# Control, format (including bidi overrides), surrogate, private use, line and paragraph separators.
_ESCAPED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def escape(text: str) -> str:
    """Return the text on one line, with every unsafe character escaped."""
    return "".join(map(_escape_character, " ".join(text.split())))


def escape_lines(text: str) -> list[str]:
    """Return the lines of the text, escaped as by `escape`, with their spaces kept."""
    return ["".join(map(_escape_character, line.expandtabs(4))) for line in text.split("\n")]


def escape_json(value: bytes) -> str:
    """Return the JSON, which is on one line, with unsafe characters in its strings escaped. It decodes to the same data."""
    text = value.decode()
    if text.isascii() and text.isprintable():
        return text
    return "".join(json.dumps(character)[1:-1] if _is_unsafe(character) else character for character in text)


def _escape_character(character: str) -> str:
    return character.encode("unicode_escape").decode() if _is_unsafe(character) else character


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _ESCAPED_CATEGORIES and character not in JOINERS
