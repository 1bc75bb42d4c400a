"""The laws of a plan: every text once, within the budget, in a shape that is the text's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.embedder.batching import LENGTH_STEP, TOKENS_PER_PASS, plan

LENGTHS = st.lists(st.integers(0, 600), max_size=100)


@given(LENGTHS)
def test_every_text_is_in_one_pass(lengths: list[int]) -> None:
    assert sorted(member for one in plan(lengths) for member in one.members) == list(range(len(lengths)))


@given(LENGTHS)
def test_no_pass_is_over_the_budget_unless_one_text_is(lengths: list[int]) -> None:
    assert all(one.rows * one.length <= TOKENS_PER_PASS or one.rows == 1 for one in plan(lengths))


@given(LENGTHS)
def test_texts_fit_with_less_than_a_step_of_padding(lengths: list[int]) -> None:
    for one in plan(lengths):
        assert 0 < len(one.members) <= one.rows
        assert all(0 <= one.length - max(lengths[member], 1) < LENGTH_STEP for member in one.members)


@given(LENGTHS, st.integers(0, 600))
def test_a_texts_shape_does_not_depend_on_the_others(lengths: list[int], length: int) -> None:
    (alone,) = plan([length])
    (among,) = (one for one in plan([*lengths, length]) if len(lengths) in one.members)
    assert (among.rows, among.length) == (alone.rows, alone.length)


@given(LENGTHS)
def test_the_dearest_come_first(lengths: list[int]) -> None:
    longest = [one.length for one in plan(lengths)]
    assert longest == sorted(longest, reverse=True)


@given(LENGTHS)
def test_no_more_passes_than_needed(lengths: list[int]) -> None:
    shapes: dict[tuple[int, int], list[int]] = {}
    for one in plan(lengths):
        shapes.setdefault((one.rows, one.length), []).append(len(one.members))
    assert all(size == rows for (rows, _), sizes in shapes.items() for size in sizes[:-1])
