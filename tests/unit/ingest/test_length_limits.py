"""Titles and texts over the limit are cut where a reader would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.length_limits import CUT_MARK, cut


@pytest.mark.parametrize(
    ("text", "characters_max", "expected"),
    [
        ("The dam held.", 13, "The dam held."),
        ("The dam on the river held. Nobody was hurt by it.", 36, "The dam on the river held. [cut]"),
        ("The dam on the river held. Nobody was hurt by it.", 32, "The dam on the river held. [cut]"),
        (
            "The mayor said: \u201cThe dam held.\u201d Nobody was hurt.",
            40,
            "The mayor said: \u201cThe dam held.\u201d [cut]",
        ),
        ("The dam holds 3.5 million litres of water and more", 24, "The dam holds 3.5 [cut]"),
        (
            "\u5927\u575d\u6ca1\u6709\u51b3\u53e3\u3002\u65e0\u4eba\u53d7\u4f24\u3002\u65e0\u4eba",
            13,
            "\u5927\u575d\u6ca1\u6709\u51b3\u53e3\u3002 [cut]",
        ),
        ("x" * 50, 20, "x" * 14 + " [cut]"),
        (" " * 50, 20, ""),
    ],
)
def test_the_text_ends_with_a_sentence_or_a_word_and_the_mark(text: str, characters_max: int, expected: str) -> None:
    assert cut(text, characters_max) == expected


@given(text=st.text(alphabet="ab .!\n\u3002\u201d", max_size=300), characters_max=st.integers(10, 250))
def test_a_cut_text_fits_and_starts_as_the_text_does(text: str, characters_max: int) -> None:
    shorter = cut(text, characters_max)
    assert len(shorter) <= characters_max
    if len(text) <= characters_max:
        assert shorter == text
    else:
        assert text.startswith(shorter.removesuffix(CUT_MARK))
        assert shorter.endswith(CUT_MARK) or not text[: characters_max - len(CUT_MARK)].strip()
