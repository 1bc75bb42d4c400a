"""Hashes are unique and ascending, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.hashes import contains, decode_hashes, encode_hashes, first_of_each

numbers = st.integers(0, 2**32 - 1)


@given(st.sets(numbers, max_size=50))
def test_ascending_hashes_are_decoded_as_they_were_encoded(values: set[int]) -> None:
    hashes = np.array(sorted(values), dtype=np.uint32)
    assert decode_hashes(encode_hashes(hashes), "terms").tolist() == sorted(values)


@given(st.lists(numbers, min_size=2, max_size=20).filter(lambda values: values != sorted(set(values))))
def test_other_orders_and_duplicates_are_refused(values: list[int]) -> None:
    with pytest.raises(UnusableEvent, match=r"not unique and ascending - at `\$\.terms`"):
        decode_hashes(np.array(values, dtype="<u4").tobytes(), "terms")


@pytest.mark.parametrize("size", [1, 3, 7])
def test_incomplete_hashes_are_refused(size: int) -> None:
    with pytest.raises(UnusableEvent, match=rf"hashes have {size} bytes.* at `\$\.shingles`"):
        decode_hashes(bytes(size), "shingles")


@given(st.sets(st.integers(0, 40)), st.lists(st.integers(0, 40)))
def test_contains_tells_which_hashes_are_among_others(hashes: set[int], wanted: list[int]) -> None:
    found = contains(np.array(sorted(hashes), dtype=np.uint32), np.array(wanted, dtype=np.uint32))
    assert found.tolist() == [one in hashes for one in wanted]


@given(st.lists(st.integers(0, 9)).map(sorted))
def test_the_first_of_each_value_is_found(ascending: list[int]) -> None:
    found = first_of_each(np.array(ascending, dtype=np.uint32))
    assert found.tolist() == [ascending.index(one) == index for index, one in enumerate(ascending)]
