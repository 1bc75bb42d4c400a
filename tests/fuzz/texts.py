"""Hostile texts: what is hard on decoders, on regular expressions, on Unicode tables and on terminals."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

TEXT_CHARACTERS_MAX: Final = 300_000
TITLE_CHARACTERS_MAX: Final = 2_000

_CLUTTER: Final = (
    "share", "this", "it", "now", "read", "more", "sign", "up", "subscribe", "newsletter", "follow", "us", "on", "twitter",
    "photo", "credit", "by", "©", "(c)", ":", "(", ")", "@", "comments", "leave", "a", "click", "here", "download", "the",
    "our", "app", "copyright", "2031", "Getty", "images", "this", "story", "was", "also", "has", "been", "published", "at",
    "min", "get", "delivered", "inbox", "with", "inputs", "from", "written", "Jane", "Doe", "covers", "|", "-", "'", '"',
    "&amp;", "&amp;amp;lt;", "<p>", "</p", "<a href='x'", "…", "!!!", "__", "/", ">", "A.B-C'D",
)  # fmt: skip
_PAIRS: Final = (
    "e\u0301",
    "\u0344\u0344",
    "\U0001d160",
    "\ufdfa",
    "\u0130",
    "\u1e9e",
    "\u0958",
    "\ufb2c",
    "\u3131\u1161",
)
"""What normalizing or folding makes longer."""


def _repeated(piece: str) -> Callable[[random.Random, int], str]:
    return lambda _chance, size: (piece * (size // len(piece) + 1))[:size]


def _clutter_lines(chance: random.Random, size: int) -> str:
    lines = []
    while size > 0:
        lines.append(" ".join(chance.choices(_CLUTTER, k=chance.randint(1, 32)))[: chance.choice((20, 120, 299, 301))])
        size -= len(lines[-1]) + 1
    return "\n".join(lines)


def _short_lines(chance: random.Random, size: int) -> str:
    start = chance.randrange(10_000)
    return "\n".join(format(number, "x") for number in range(start, start + size // 5))


def _noise(chance: random.Random, size: int) -> str:
    return chance.randbytes(2 * size).decode("utf-16-le", "ignore")


def _controls(chance: random.Random, size: int) -> str:
    pieces = (
        "\x1b]0;owned\x07",
        "\x1b[2J",
        "\x9b31m",
        "\r",
        "\b\b",
        "\x00",
        "\x7f",
        "[red]",
        "[link=http://x]",
        "\u202e",
        "a ",
    )
    return "".join(chance.choices(pieces, k=size // 4 + 1))[:size]


_BOMBS: Final[dict[str, Callable[[random.Random, int], str]]] = {
    "nested tags": _repeated("<div>"),
    "huge attribute": lambda chance, size: "<a href='" + _noise(chance, 50) * (size // 50),
    "unclosed tags": _repeated("<p class='x' "),
    "angle brackets": _repeated("<"),
    "ampersands": _repeated("&amp;"),
    "nested entities": _repeated("&amp;amp;amp;lt;"),
    "entity": lambda _chance, size: "&" + "amp;" * (size // 4),
    "numbers of characters": _repeated("&#xD800;&#0;&#x110000;&#1114112;&#x80;"),
    "comments": _repeated("<!--"),
    "combining marks": lambda _chance, size: "e" + "\u0301\u0327" * (size // 2),
    "longer when composed": lambda chance, size: (chance.choice(_PAIRS) * size)[:size],
    "bidi": _repeated("\u202e\u2066a\u2069\u202c"),
    "zero width": _repeated("\u200b\u200d\ufeffa"),
    "spaces": _repeated(" \u00a0\t\u3000\x85"),
    "dashes": _repeated(" - a | b : c"),
    "quotes": _repeated('."'),
    "brackets": _repeated("([{"),
    "one word": _repeated("x"),
    "short words": lambda chance, size: " ".join(format(chance.randrange(4_096), "x") for _ in range(size // 4)),
    "clutter": _clutter_lines,
    "short lines": _short_lines,
    "noise": _noise,
    "controls": _controls,
}
BOMBS: Final = tuple(_BOMBS)


def bomb(chance: random.Random, name: str, size: int) -> str:
    """A text of this kind, of about `size` characters and never more."""
    return _BOMBS[name](chance, size)[:size]


def words(chance: random.Random, subject: int, count: int) -> str:
    """Plain prose about one of many subjects: a few words of its own among those that all have."""
    return " ".join(chance.choices([*_COMMON, *(f"{name}{subject}" for name in _NAMES)], k=count))


_NAMES: Final = ("harbor", "ferry", "council", "bell", "captain", "divers")
_COMMON: Final = ("the", "of", "and", "said", "after", "people", "on", "Tuesday", "morning")
