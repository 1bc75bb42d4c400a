"""Stems and their marks: where the words stand, which are numbers, and how they are written inside sentences."""

from __future__ import annotations

from array import array

import pytest

from newsloom.contracts.vector import STEMS_MAX, StemMark
from services.embedder.fingerprints import hash_text
from services.embedder.preparation import PreparedText
from services.embedder.stems import stem_hashes


def marks_of(stem: str, title: str, text: str = "") -> StemMark | None:
    """Return the marks of a stem; None if the article does not have it."""
    stems, marks = stem_hashes(PreparedText(title, text, text, 0))
    return {value: StemMark(mark) for value, mark in zip(array("I", stems), marks, strict=True)}.get(hash_text(stem))


TITLE, LEAD, NUMBER, CAPITALIZED, LOWER, UNCASED = (
    StemMark.TITLE,
    StemMark.LEAD,
    StemMark.NUMBER,
    StemMark.CAPITALIZED,
    StemMark.LOWER,
    StemMark.UNCASED,
)


@pytest.mark.parametrize(
    ("stem", "title", "text", "marks"),
    [
        ("peru", "Quake shakes Perú", "", TITLE | CAPITALIZED),
        ("warsz", "", "Pożar w Warszawie. Nie w innej Warszawy części.", LEAD | CAPITALIZED),
        ("rain", "", "Rain fell. Rain, they said.", LEAD),
        ("rain", "", "Rain fell, more rain than ever.", LEAD | LOWER),
        ("6.1", "", "Eine Stärke von 6,1.", LEAD | NUMBER),
        ("2-1", "Lyon wins 2\u20131", "", TITLE | NUMBER),
        ("215.000", "", "They counted 215,000 of them.", LEAD | NUMBER),
        ("25", "", "على ٢٥ في المئة", LEAD | NUMBER),
        ("plan", "Mayor Presents New Plan Today", "", TITLE),
        ("地震", "云南地震", "", TITLE | UNCASED),
        ("भूकंप", "भूकंप में तीन घायल", "", TITLE | UNCASED),
        ("زلزال", "", "وقع زلزال", LEAD | UNCASED),
        ("lima", "Quake", "", None),
    ],
)
def test_marks(stem: str, title: str, text: str, marks: StemMark | None) -> None:
    assert marks_of(stem, title, text) == marks


def test_the_first_stems_of_a_long_text_are_kept() -> None:
    text = " ".join(f"w{number}" for number in range(3_000))
    stems, marks = stem_hashes(PreparedText("Quake shakes Peru", text, text, 3_000))
    found = array("I", stems).tolist()
    assert (len(found), len(marks)) == (STEMS_MAX, STEMS_MAX)
    assert found == sorted(set(found))
    assert hash_text("peru") in found
