"""Counts by bucket, of terms and of stems, equal those of a dictionary, whether few or many buckets are in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.vector import StemMark
from services.clusterer.core import bucket_counts
from services.clusterer.core.bucket_counts import BucketCounts
from services.clusterer.core.hashes import Hashes
from services.clusterer.core.stem_counts import BUCKET_SHIFT, Marks, StemCounts

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
    counts, model = BucketCounts(SIZE, np.int32), Counter[int]()
    removed = data.draw(st.lists(st.sampled_from(added), max_size=len(added), unique_by=id)) if added else []
    for by, given_documents in ((1, added), (-1, removed)):
        for document in given_documents:
            counts.add(hashes(document), by)
            for bucket in set(document):
                model[bucket] += by
            assert counts.take(EVERY).tolist() == [model[bucket] for bucket in range(SIZE)]
    for bucket, count in model.items():
        counts.add(hashes([bucket]), -count)
    assert not counts.take(EVERY).any()


reports = st.dictionaries(st.integers(0, 11), st.integers(0, 63), max_size=8)


@given(st.lists(reports, max_size=12), st.data())
def test_stems_count_once_per_report_and_bucket(added: list[dict[int, int]], data: st.DataObject) -> None:
    """The marks of two stems in one bucket, the highest bits of their hashes, are counted together."""
    counts, buckets = StemCounts(), range(4)
    removed = data.draw(st.lists(st.sampled_from(added), unique_by=id)) if added else []
    for by, given_reports in ((1, added), (-1, removed)):
        for report in given_reports:
            counts.add(stems(report), marks_of(report), by)
    left = [report for report in added if not any(report is other for other in removed)]
    by_bucket = [
        [[marks for stem, marks in report.items() if stem % 4 == bucket] for report in left] for bucket in buckets
    ]
    asked = stems(buckets)
    use = counts.with_report(asked, np.zeros(4, dtype=np.uint8))
    assert counts.reports(asked).tolist() == [sum(map(bool, some)) for some in by_bucket]
    for found, mark in ((use.capitalized, StemMark.CAPITALIZED), (use.lower, StemMark.LOWER)):
        assert found.tolist() == [sum(any(marks & mark for marks in one) for one in some) for some in by_bucket]


def stems(numbers: Iterable[int]) -> Hashes:
    """Return an ascending stem for each number; those with the same remainder by 4 share a bucket."""
    return hashes(sorted(number % 4 << BUCKET_SHIFT | number // 4 for number in numbers))


def marks_of(report: dict[int, int]) -> Marks:
    in_order = sorted(report, key=lambda number: (number % 4, number // 4))
    return np.array([report[number] for number in in_order], dtype=np.uint8)
