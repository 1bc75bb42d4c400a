"""`newsloom.streaming.batching`."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from newsloom.streaming.batching import BATCH_BYTES_MAX, BATCH_RECORDS_MAX, batches


@given(st.lists(st.integers(0, 2 * BATCH_BYTES_MAX), max_size=30), st.integers(0, 1_200))
def test_batches_are_full_but_the_last_and_lose_nothing(sizes: list[int], empty_items: int) -> None:
    items = [*sizes, *(0 for _ in range(empty_items))]
    found = list(batches(items, lambda size: size))
    assert list(chain.from_iterable(found)) == items
    for batch in found:
        assert 1 <= len(batch) <= BATCH_RECORDS_MAX
        assert sum(batch[:-1]) < BATCH_BYTES_MAX
    for batch in found[:-1]:
        assert len(batch) == BATCH_RECORDS_MAX or sum(batch) >= BATCH_BYTES_MAX
