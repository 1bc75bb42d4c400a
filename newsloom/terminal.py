"""Text from outside on its way to a terminal: whatever could steer it, or reorder what stands on it, is escaped."""

from __future__ import annotations

import json
import unicodedata
from typing import Final

JOINERS: Final = frozenset("\u200c\u200d")
"""They shape letters and emoji, and can neither hide nor reorder anything."""
# Control, format (bidi overrides among them), surrogate, private use, line and paragraph separators.
_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def shown(text: str) -> str:
    """The text on one line, with everything escaped that could steer a terminal or reorder what stands on it."""
    return "".join(map(_visible, " ".join(text.split())))


def shown_lines(text: str) -> list[str]:
    """The text's lines, each as `shown` would have it but with its spaces kept."""
    return ["".join(map(_visible, line.expandtabs(4))) for line in text.split("\n")]


def shown_json(value: bytes) -> str:
    """JSON on one line as the same JSON, with the same escaped in its strings: to every reader it is the same data."""
    text = value.decode()
    if text.isascii() and text.isprintable():
        return text
    return "".join(json.dumps(character)[1:-1] if _steers(character) else character for character in text)


def _visible(character: str) -> str:
    return character.encode("unicode_escape").decode() if _steers(character) else character


def _steers(character: str) -> bool:
    return unicodedata.category(character) in _ESCAPED and character not in JOINERS
