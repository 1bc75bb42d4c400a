"""Counts by bucket equal those of a dictionary, whether few or many buckets are in use."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core import bucket_counts
from services.clusterer.core.bucket_counts import BucketCounts
from services.clusterer.core.hashes import Hashes

SIZE = 40
EVERY = np.arange(SIZE, dtype=np.uint32)
documents = st.lists(st.lists(st.integers(0, SIZE - 1), max_size=12), max_size=25)


def hashes(buckets: list[int]) -> Hashes:
    return np.array(buckets, dtype=np.uint32)


@pytest.fixture(params=[0, 10, SIZE], autouse=True)
def _sparse_max(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_counts, "SPARSE_MAX", request.param)


@given(documents, st.data())
def test_counts_equal_those_of_a_dictionary(added: list[list[int]], data: st.DataObject) -> None:
    counts, model = BucketCounts(SIZE), Counter[int]()
    removed = data.draw(st.lists(st.sampled_from(added), max_size=len(added), unique_by=id)) if added else []
    for by, given_documents in ((1, added), (-1, removed)):
        for document in given_documents:
            counts.add(counts.rows(hashes(document)), by)
            for bucket in set(document):
                model[bucket] += by
            assert counts.take(EVERY).tolist() == [model[bucket] for bucket in range(SIZE)]
    for bucket, count in model.items():
        counts.add(counts.rows(hashes([bucket])), -count)
    assert not counts.take(EVERY).any()


@given(documents, documents)
def test_columns_are_counted_apart(first: list[list[int]], second: list[list[int]]) -> None:
    counts = BucketCounts(SIZE, columns=2)
    for column, given_documents in enumerate((first, second)):
        for document in given_documents:
            counts.add(counts.rows(hashes(document)), 1, column=column)
    for column, given_documents in enumerate((first, second)):
        expected = [sum(bucket in document for document in given_documents) for bucket in range(SIZE)]
        assert counts.take(EVERY, column=column).tolist() == expected
