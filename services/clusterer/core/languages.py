"""The language of an article, as far as embeddings have a common direction by it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Final

UNKNOWN: Final = "und"
_ONE_SCRIPT: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA"})
"""Japanese writes all three in one sentence."""


def language_of(language: str | None, title: str) -> str:
    """Return the primary subtag of an article's language, or `und-` and its title's script if the producer named none.

    Without a language, Latin script tells nothing, and a title without letters neither: `und`.
    """
    primary = language.replace("_", "-").split("-", 1)[0].casefold() if language else ""
    if primary and primary != UNKNOWN:
        return primary
    scripts = Counter(_script(letter) for letter in title if letter.isalpha() and not letter.isascii())
    latin = sum(letter.isascii() and letter.isalpha() for letter in title)
    if not scripts:
        return UNKNOWN
    script, count = min(scripts.items(), key=lambda item: (-item[1], item[0]))
    return UNKNOWN if script == "LATIN" or count <= latin else f"{UNKNOWN}-{script.casefold()}"


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").split(" ", 1)[0]
    return "CJK" if name in _ONE_SCRIPT else name
