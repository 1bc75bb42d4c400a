"""Hashes are unique and ascending, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.hashes import decode_hashes, encode_hashes

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
