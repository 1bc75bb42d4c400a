"""What the tests of corrupted books share."""

from __future__ import annotations

from collections.abc import Callable

from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.streaming.records import Record
from tests.unit.verifier.desk import Desk

Corruption = Callable[[Desk], str]
"""Spoils the books, and returns the name of the culprit."""


def check_noticed(desk: Desk, corruption: Corruption, invariant: str) -> None:
    """Spoil the books; the violation of this invariant must be found, and name the culprit."""
    culprit = corruption(desk)

    found = desk.problems()

    assert any(problem.startswith(f"{invariant}: ") and culprit in problem for problem in found), (culprit, found)


def vectors_of_main(desk: Desk) -> list[Record]:
    """The vectors of the edition `main`."""
    return [record for record in desk.records(ARTICLE_VECTORS) if record.key == b"main"]
