"""The phrases of a language, from `phrases/`: how events are told, and the parts of invented names."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

LANGUAGES: Final = {"en": 8, "ar": 3, "de": 3, "es": 3, "pl": 3, "ru": 3, "zh": 3}
"""The share of each language, in parts of 26: 8 of 26 articles are in English."""
_PHRASES: Final = Path(__file__).parent / "phrases"


class Scenario(msgspec.Struct, frozen=True):
    """How an event is told: titles, and the sentences of a report, each in several wordings. Names in braces are facts."""

    titles: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]


class SilentStory(msgspec.Struct, frozen=True):
    """How an event is told before and after two weeks of silence."""

    before: Scenario
    after: Scenario


class Language(msgspec.Struct, frozen=True):
    """The phrases of one language. A name is one part of each list in `names`, joined."""

    weekdays: tuple[str, ...]
    decimal: str
    flash: tuple[str, ...]
    site_lines: tuple[str, ...]
    walls: tuple[str, ...]
    names: dict[str, tuple[tuple[str, ...], ...]]
    events: dict[str, Scenario]
    silence: SilentStory
    notices: tuple[Scenario, ...]
    recurring: dict[str, Scenario]


@cache
def load_language(code: str) -> Language:
    """Return the phrases of a language of `LANGUAGES`."""
    return msgspec.convert(tomllib.loads((_PHRASES / f"{code}.toml").read_text("utf-8")), Language)
