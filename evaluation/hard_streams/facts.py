"""Invented facts of events: names, numbers and days."""

from __future__ import annotations

from datetime import date
from itertools import product
from random import Random
from typing import Final

from evaluation.hard_streams.language import Language

Facts = dict[str, str]
"""Fact -> its text, by the names that the phrases use in braces."""

_ALSO: Final = {"far": "place", "other": "person", "rival": "team"}
"""Facts that are a second name of the same sort."""
_TICKER_LETTERS: Final = 4


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


def draw_facts(language: Language, names: NamePool, random: Random, day: date) -> Facts:
    """Return the facts of an event of this day."""
    return {
        **{sort: names.draw(sort) for sort in language.names},
        **{fact: names.draw(sort) for fact, sort in _ALSO.items()},
        **company_facts(names.draw("company")),
        "percent": f"{random.randint(1, 14)}{language.decimal}{random.randint(1, 9)}",
        "score": f"{random.randint(2, 5)}-{random.randint(0, 1)}",
        "digit": str(random.randint(0, 9)),
        "few": str(random.randint(2, 9)),
        "m": str(random.randint(12, 59)),
        "n": str(random.randint(11, 79)),
        "big": str(random.randint(101, 989)),
        "hour": str(random.randint(6, 23)),
        **day_facts(language, day),
    }


def company_facts(company: str) -> Facts:
    """Return the facts that follow from the company."""
    return {"company": company, "ticker": company.replace(" ", "")[:_TICKER_LETTERS].upper()}


def day_facts(language: Language, day: date) -> Facts:
    """Return the facts that follow from the day."""
    return {"weekday": language.weekdays[day.weekday()], "date": f"{day.day}/{day.month}"}
