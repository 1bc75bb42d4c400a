"""The laws of a plan: every text once, within the budget, in a shape that is the text's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.embedder.batching import PADDING_MULTIPLE, TOKENS_PER_PASS, plan_passes

LENGTHS = st.lists(st.integers(0, 600), max_size=100)


@given(LENGTHS)
def test_every_text_is_in_one_pass(lengths: list[int]) -> None:
    assert sorted(index for one in plan_passes(lengths) for index in one.text_indexes) == list(range(len(lengths)))


@given(LENGTHS)
def test_no_pass_is_over_the_budget_unless_one_text_is(lengths: list[int]) -> None:
    assert all(one.rows * one.length <= TOKENS_PER_PASS or one.rows == 1 for one in plan_passes(lengths))


@given(LENGTHS)
def test_texts_fit_with_less_than_a_step_of_padding(lengths: list[int]) -> None:
    for one in plan_passes(lengths):
        assert 0 < len(one.text_indexes) <= one.rows
        assert all(0 <= one.length - max(lengths[index], 1) < PADDING_MULTIPLE for index in one.text_indexes)


@given(LENGTHS, st.integers(0, 600))
def test_a_texts_shape_does_not_depend_on_the_others(lengths: list[int], length: int) -> None:
    (alone,) = plan_passes([length])
    (among,) = (one for one in plan_passes([*lengths, length]) if len(lengths) in one.text_indexes)
    assert (among.rows, among.length) == (alone.rows, alone.length)


@given(LENGTHS)
def test_the_dearest_come_first(lengths: list[int]) -> None:
    longest = [one.length for one in plan_passes(lengths)]
    assert longest == sorted(longest, reverse=True)


@given(LENGTHS)
def test_no_more_passes_than_needed(lengths: list[int]) -> None:
    shapes: dict[tuple[int, int], list[int]] = {}
    for one in plan_passes(lengths):
        shapes.setdefault((one.rows, one.length), []).append(len(one.text_indexes))
    assert all(size == rows for (rows, _), sizes in shapes.items() for size in sizes[:-1])
