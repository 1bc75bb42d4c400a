"""What each side says, with counts."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from services.digest.core.composition import compose
from services.digest.core.significance import LEVEL, bar, tail
from tests.unit.digest.invented_story import (
    CENTER,
    FREQUENCIES,
    LEFT,
    RIGHT,
    invented_sentence,
    invented_story,
    report,
    story,
)

LEANINGS = [LEFT] * 8 + [CENTER] * 6 + [RIGHT] * 7


def test_a_statement_in_half_of_a_sides_reports_surfaces_there_with_exact_counts() -> None:
    found = 0
    for seed in range(60):
        source = random.Random(1_000 + seed)  # noqa: S311 - a seed, no secret
        plant = invented_sentence(source)
        planted = source.sample(range(8), 4)
        sides = compose(invented_story(seed, LEANINGS, planted, plant), FREQUENCIES).sides
        left = {one.text: (one.here, one.others) for one in sides[0].statements}
        found += left.get(plant) == (4, 0)
        assert plant not in [one.text for side in sides[1:] for one in side.statements]
    assert found >= 54


def test_shuffled_leanings_mark_few_stories() -> None:
    marked = 0
    for seed in range(60):
        leanings = list(LEANINGS)
        random.Random(seed).shuffle(leanings)  # noqa: S311 - a seed, no secret
        sides = compose(invented_story(seed, leanings), FREQUENCIES).sides
        marked += any(one.particular for side in sides for one in side.statements)
    assert marked <= 3


def test_what_all_of_a_side_and_nobody_else_says_is_particular() -> None:
    plant = invented_sentence(random.Random(1_007))  # noqa: S311 - a seed, no secret
    sides = compose(invented_story(7, LEANINGS, range(8), plant), FREQUENCIES).sides
    assert [(one.here, one.others) for one in sides[0].statements if one.particular] == [(8, 0)]


def test_reports_without_a_leaning_are_on_no_side() -> None:
    text = "Mayor Ada Moss opened the harbour of Elm on Friday after years of work."
    sides = compose(
        story(report("a", text, leaning=LEFT), report("b", text, leaning=LEFT), report("c", text)), FREQUENCIES
    ).sides
    assert [(side.leaning, side.reports, side.other_reports) for side in sides] == [(LEFT, 2, 0)]
    assert [(one.here, one.others, one.particular) for one in sides[0].statements] == [(2, 0, False)]


def test_without_leanings_there_are_no_sides() -> None:
    assert compose(story(report("a", "Mayor Ada Moss opened the harbour of Elm.")), FREQUENCIES).sides == ()


def test_the_tail_is_that_of_fishers_exact_test() -> None:
    assert tail(4, 8, 4, 21) == Fraction(70, 5_985)
    assert tail(0, 8, 4, 21) == 1


@pytest.mark.parametrize(
    ("tests", "divisor"),
    [([], 1), ([(8, 8, 21)], 1), ([(8, 8, 21)] * 3, 3), ([(1, 1, 21)] * 50, 2), ([(3, 1, 40)] * 50, 1)],
)
def test_only_tests_that_could_pass_are_corrected_for(tests: list[tuple[int, int, int]], divisor: int) -> None:
    assert bar(tests) == LEVEL / divisor
