"""Hostile texts: hard on decoders, regular expressions, Unicode normalization and terminals."""

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
"""Characters that get longer by normalization or case folding."""


def _repeat(piece: str) -> Callable[[random.Random, int], str]:
    return lambda _rng, size: (piece * (size // len(piece) + 1))[:size]


def _clutter_lines(rng: random.Random, size: int) -> str:
    lines = []
    while size > 0:
        lines.append(" ".join(rng.choices(_CLUTTER, k=rng.randint(1, 32)))[: rng.choice((20, 120, 299, 301))])
        size -= len(lines[-1]) + 1
    return "\n".join(lines)


def _short_lines(rng: random.Random, size: int) -> str:
    start = rng.randrange(10_000)
    return "\n".join(format(number, "x") for number in range(start, start + size // 5))


def _noise(rng: random.Random, size: int) -> str:
    return rng.randbytes(2 * size).decode("utf-16-le", "ignore")


def _controls(rng: random.Random, size: int) -> str:
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
    return "".join(rng.choices(pieces, k=size // 4 + 1))[:size]


_HOSTILE_TEXTS: Final[dict[str, Callable[[random.Random, int], str]]] = {
    "nested tags": _repeat("<div>"),
    "huge attribute": lambda rng, size: "<a href='" + _noise(rng, 50) * (size // 50),
    "unclosed tags": _repeat("<p class='x' "),
    "angle brackets": _repeat("<"),
    "ampersands": _repeat("&amp;"),
    "nested entities": _repeat("&amp;amp;amp;lt;"),
    "entity": lambda _rng, size: "&" + "amp;" * (size // 4),
    "character references": _repeat("&#xD800;&#0;&#x110000;&#1114112;&#x80;"),
    "comments": _repeat("<!--"),
    "combining marks": lambda _rng, size: "e" + "\u0301\u0327" * (size // 2),
    "longer when composed": lambda rng, size: (rng.choice(_PAIRS) * size)[:size],
    "bidi": _repeat("\u202e\u2066a\u2069\u202c"),
    "zero width": _repeat("\u200b\u200d\ufeffa"),
    "spaces": _repeat(" \u00a0\t\u3000\x85"),
    "dashes": _repeat(" - a | b : c"),
    "quotes": _repeat('."'),
    "brackets": _repeat("([{"),
    "one word": _repeat("x"),
    "short words": lambda rng, size: " ".join(format(rng.randrange(4_096), "x") for _ in range(size // 4)),
    "clutter": _clutter_lines,
    "short lines": _short_lines,
    "noise": _noise,
    "controls": _controls,
}
HOSTILE_TEXTS: Final = tuple(_HOSTILE_TEXTS)


def hostile_text(rng: random.Random, name: str, size: int) -> str:
    """Return a text of this kind with about `size` characters, never more."""
    return _HOSTILE_TEXTS[name](rng, size)[:size]


def words(rng: random.Random, subject: int, count: int) -> str:
    """Return words about one of many subjects: some of the subject's own, some common to all."""
    return " ".join(rng.choices([*_COMMON, *(f"{name}{subject}" for name in _NAMES)], k=count))


_NAMES: Final = ("harbor", "ferry", "council", "bell", "captain", "divers")
_COMMON: Final = ("the", "of", "and", "said", "after", "people", "on", "Tuesday", "morning")
