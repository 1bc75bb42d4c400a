"""Invented facts of events: names, numbers and days."""

from __future__ import annotations

from datetime import date
from itertools import product
from random import Random
from typing import Final

from evaluation.hard_streams.language import Language

_ALSO: Final = {"far": "place", "other": "person", "rival": "team"}
"""Facts that are a second name of the same sort."""
_TICKER_LETTERS: Final = 4
_NUMBERS: Final = {
    "digit": [(0, 9)],
    "few": [(2, 9)],
    "m": [(12, 59)],
    "n": [(11, 79)],
    "big": [(101, 989)],
    "hour": [(6, 23)],
    "percent": [(1, 14), (1, 9)],
    "score": [(2, 5), (0, 1)],
}
"""The ranges of a number's parts."""


class NamePool:
    """Draws invented names. None comes twice before all of its sort have come."""

    def __init__(self, language: Language, random: Random) -> None:
        self._parts = language.names
        self._random = random
        self._left: dict[str, list[str]] = {}

    def draw(self, sort: str) -> str:
        """Return the next name of a sort, such as `place`."""
        left = self._left.get(sort)
        if not left:
            left = ["".join(parts) for parts in product(*self._parts[sort])]
            self._random.shuffle(left)
            self._left[sort] = left
        return left.pop()


class Facts(dict[str, str]):
    """Fact -> its text, by the names that phrases use in braces. A fact is made up when it is told for the first time."""

    def __init__(self, language: Language, names: NamePool, random: Random, day: date) -> None:
        super().__init__(day_facts(language, day))
        self._decimal = language.decimal
        self._names = names
        self._random = random

    def __missing__(self, fact: str) -> str:
        """Make up a name or a number, and keep it."""
        self[fact] = self._number(fact) if fact in _NUMBERS else self._name(fact)
        return self[fact]

    def _name(self, fact: str) -> str:
        if fact == "ticker":
            return self["company"].replace(" ", "")[:_TICKER_LETTERS].upper()
        return self._names.draw(_ALSO.get(fact, fact))

    def _number(self, fact: str) -> str:
        numbers = [str(self._random.randint(lowest, highest)) for lowest, highest in _NUMBERS[fact]]
        return (self._decimal if fact == "percent" else "-").join(numbers)


def day_facts(language: Language, day: date) -> dict[str, str]:
    """Return the facts that follow from the day."""
    return {"weekday": language.weekdays[day.weekday()], "date": f"{day.day}/{day.month}"}
