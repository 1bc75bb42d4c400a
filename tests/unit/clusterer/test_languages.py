from __future__ import annotations

import pytest

from services.clusterer.core.languages import language_of


@pytest.mark.parametrize(
    ("language", "title", "expected"),
    [
        ("en", "Ferry runs aground", "en"),
        ("pt-BR", "Balsa encalha", "pt"),
        ("zh_Hant", "渡輪擱淺", "zh"),
        ("DE", "Fähre läuft auf Grund", "de"),
        (None, "Fähre läuft auf Grund", "und"),
        ("", "Ferry runs aground", "und"),
        ("und", "عبارة تجنح", "und-arabic"),
        (None, "Паром сел на мель в CNN", "und-cyrillic"),
        (None, "大理でフェリーが座礁", "und-cjk"),
        (None, "フェリー", "und-cjk"),
        (None, "Apple und die Fähre 大", "und"),
        (None, "2025: 14", "und"),
    ],
)
def test_the_producers_language_counts_else_the_script_of_the_title(
    language: str | None, title: str, expected: str
) -> None:
    assert language_of(language, title) == expected
