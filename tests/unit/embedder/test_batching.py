"""Properties of a plan of passes: it has every text once, keeps the token limit, and a pass's shape follows from its texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.embedder.batching import PADDING_MULTIPLE, TOKENS_PER_PASS, plan_passes

LENGTHS = st.lists(st.integers(0, 600), max_size=100)


@given(LENGTHS)
def test_every_text_is_in_exactly_one_pass(lengths: list[int]) -> None:
    assert sorted(index for one in plan_passes(lengths) for index in one.text_indexes) == list(range(len(lengths)))


@given(LENGTHS)
def test_a_pass_exceeds_the_token_limit_only_for_a_single_long_text(lengths: list[int]) -> None:
    assert all(one.rows * one.length <= TOKENS_PER_PASS or one.rows == 1 for one in plan_passes(lengths))


@given(LENGTHS)
def test_padding_is_less_than_the_multiple(lengths: list[int]) -> None:
    for one in plan_passes(lengths):
        assert 0 < len(one.text_indexes) <= one.rows
        assert all(0 <= one.length - max(lengths[index], 1) < PADDING_MULTIPLE for index in one.text_indexes)


@given(LENGTHS, st.integers(0, 600))
def test_the_shape_of_a_texts_pass_does_not_depend_on_the_other_texts(lengths: list[int], length: int) -> None:
    (alone,) = plan_passes([length])
    (among,) = (one for one in plan_passes([*lengths, length]) if len(lengths) in one.text_indexes)
    assert (among.rows, among.length) == (alone.rows, alone.length)


@given(LENGTHS)
def test_the_longest_texts_come_first(lengths: list[int]) -> None:
    longest = [one.length for one in plan_passes(lengths)]
    assert longest == sorted(longest, reverse=True)


@given(LENGTHS)
def test_there_are_no_more_passes_than_needed(lengths: list[int]) -> None:
    shapes: dict[tuple[int, int], list[int]] = {}
    for one in plan_passes(lengths):
        shapes.setdefault((one.rows, one.length), []).append(len(one.text_indexes))
    assert all(size == rows for (rows, _), sizes in shapes.items() for size in sizes[:-1])
