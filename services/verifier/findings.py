"""The result of a verification: what was checked for each invariant, and the violations found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum


class Invariant(Enum):
    """What must hold of the topics at any time, whatever failures the services had."""

    READABLE = "every record can be decoded"
    PASSED_ON = "every processed article and command was forwarded once and in order, or is a dead letter"
    DEAD_LETTERS = "every dead letter equals the record it was made from, and has a reason"
    OFFSETS = "committed offsets match the records that were written"
    EDITIONS = "the records of an edition are in one partition of the state topics, under the edition's own keys"
    VERSIONS = "the versions of each story are 1, 2, 3... without gaps or duplicates"
    CHANGES = "each update continues from the one before it, and changes what it names"
    COMMANDS = "every command that was not rejected was carried out once, as issued, and nothing reversed it"
    STORIES = "each story equals the result of its updates"
    MEMBERS = "the counts and lists of each story match its articles"
    MEMBERSHIPS = "each article is in one story: the one that the updates assign it to"
    ARTICLES = "every article that was processed is in a story, was retracted, or was forgotten a retention time after it arrived"
    LINEAGE = "merges, splits and stories kept apart are recorded on both sides"
    CHECKPOINTS = "no checkpoint is behind the stories and memberships of its edition"


@dataclass(slots=True)
class Findings:
    """Violations and counts, collected by the checks. `checked` is how many records or values each invariant was checked on."""

    checked: Counter[Invariant] = field(default_factory=Counter)
    violations: dict[Invariant, list[str]] = field(default_factory=lambda: {invariant: [] for invariant in Invariant})
    unchecked: list[str] = field(default_factory=list)
    """What could not be checked, and why: usually because retention has deleted the records."""
    warnings: list[str] = field(default_factory=list)
    """What breaks no invariant, but points to something wrong outside the services."""

    def add(self, invariant: Invariant, violation: str) -> None:
        """Record that the invariant does not hold."""
        self.violations[invariant].append(violation)

    def expect(self, invariant: Invariant, what: str, expected: object, found: object) -> None:
        """Record a violation if the values differ."""
        if expected != found:
            self.add(invariant, f"{what}: expected {expected!r:.300}, found {found!r:.300}")

    def violation_lines(self) -> Iterator[str]:
        """Yield every violation as one line, prefixed with its invariant."""
        for invariant, violations in self.violations.items():
            for violation in violations:
                yield f"{invariant.name.lower()}: {violation}"
