"""The values by which lists can be filtered, for the form of the list page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.storypage.read_model.derived_rows import EDITION, LANGUAGE, OUTLET
from services.storypage.read_model.queries import Queries

OFFERED_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Choices:
    """The most frequent values of each filter."""

    editions: list[str]
    languages: list[str]
    outlets: list[str]


def find_choices(queries: Queries) -> Choices:
    """Return the values that the stories of the read model have."""
    editions, languages, outlets = (queries.facet_values(facet, OFFERED_MAX) for facet in (EDITION, LANGUAGE, OUTLET))
    return Choices(editions, languages, outlets)
