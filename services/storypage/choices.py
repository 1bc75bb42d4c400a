"""The values by which lists can be filtered, for the form of the list page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.storypage.read_model.derived_rows import EDITION, LANGUAGE, OUTLET
from services.storypage.read_model.queries import Queries

OFFERED_MAX: Final = 60
AGE_MAX: Final = timedelta(minutes=1)
"""Counting them reads a row for each story and outlet."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The most frequent values of each filter."""

    editions: list[str]
    languages: list[str]
    outlets: list[str]


class ChoicesCache:
    """Keeps the choices for a while."""

    def __init__(self) -> None:
        self._found: tuple[datetime, Choices] | None = None

    def get(self, queries: Queries, now: datetime) -> Choices:
        """Return the choices, as of a minute ago at most."""
        if self._found is None or now - self._found[0] > AGE_MAX:
            editions, languages, outlets = (
                queries.facet_values(facet, OFFERED_MAX) for facet in (EDITION, LANGUAGE, OUTLET)
            )
            self._found = (now, Choices(editions, languages, outlets))
        return self._found[1]
