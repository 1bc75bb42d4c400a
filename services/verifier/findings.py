"""What a verification comes to: each invariant, how much was looked at, and what does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Invariant(Enum):
    """What must hold of the topics, whatever has happened to the services."""

    READABLE = "every record can be read"
    PASSED_ON = "every article and command taken in was passed on once, in order, or is a dead letter"
    DEAD_LETTERS = "every dead letter is the record it came from, and says why it is one"
    OFFSETS = "results and places in the input go together"
    EDITIONS = "an edition lies in one partition of the state topics, under its own keys"
    VERSIONS = "the versions of a story run 1, 2, 3... without gap or repeat"
    CHANGES = "each update changes what it says, from where the one before has left it"
    COMMANDS = "every command that was not rejected was carried out, once, as it says; nothing undoes it"
    STORIES = "a story is what its updates have made of it"
    MEMBERS = "a story is the sum of its articles"
    MEMBERSHIPS = "each article is in the one story that the updates have put it in"
    ARTICLES = "every article passed on and not withdrawn is in a story, and no other is"
    LINEAGE = "merges, splits and stories kept apart are told on both sides"
    CHECKPOINTS = "no checkpoint is behind what its edition has published"


class Place(NamedTuple):
    """Where a record stands in its topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"


@dataclass(slots=True)
class Findings:
    """Filled by the checks. `examined` counts what each invariant was held against."""

    examined: Counter[Invariant] = field(default_factory=Counter)
    violations: dict[Invariant, list[str]] = field(default_factory=lambda: {one: [] for one in Invariant})
    unchecked: list[str] = field(default_factory=list)
    """What cannot be said, and why: in most cases because retention has taken what would say it."""

    def broken(self, invariant: Invariant, violation: str) -> None:
        """Something does not hold."""
        self.violations[invariant].append(violation)

    def same(self, invariant: Invariant, what: str, expected: object, found: object) -> None:
        """Two accounts of one thing must agree."""
        if expected != found:
            self.broken(invariant, f"{what}: expected {expected!r:.300}, found {found!r:.300}")

    def problems(self) -> Iterator[str]:
        """Every violation, a line each."""
        for invariant, violations in self.violations.items():
            for violation in violations:
                yield f"{invariant.name.lower()}: {violation}"
