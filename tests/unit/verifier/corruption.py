"""Shared by the tests of corrupted topics."""

from __future__ import annotations

from collections.abc import Callable

from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.streaming.records import Record
from tests.unit.verifier.log_file import LogFile

Corruption = Callable[[LogFile], str]
"""Corrupts the log and returns the name of what it corrupted, as a violation must give it."""


def check_reported(log_file: LogFile, corruption: Corruption, invariant: str) -> None:
    """Corrupt the log; check that a violation of the invariant is found and names what was corrupted."""
    name = corruption(log_file)

    found = log_file.find_violations()

    assert any(violation.startswith(f"{invariant}: ") and name in violation for violation in found), (name, found)


def vectors_of_main(log_file: LogFile) -> list[Record]:
    """Return the vectors of the edition `main`."""
    return [record for record in log_file.records(ARTICLE_VECTORS) if record.key == b"main"]
