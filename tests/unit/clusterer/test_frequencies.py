"""TF-IDF weights follow from the reports that are counted now, in whatever order they came."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.hashes import Hashes

documents = st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=8), max_size=20)
ALL_TERMS = np.arange(31, dtype=np.uint32)
ONCE = np.ones(31, dtype=np.uint8)


def hashes(terms: set[int]) -> Hashes:
    return np.array(sorted(terms), dtype=np.uint32)


def counted(given_documents: list[set[int]]) -> DocumentFrequencies:
    frequencies = DocumentFrequencies(idf_floor=0.7)
    for terms in given_documents:
        frequencies.add(hashes(terms))
    return frequencies


@given(documents, documents, st.randoms(use_true_random=False))
def test_removing_undoes_adding_in_any_order(kept: list[set[int]], removed: list[set[int]], random: Random) -> None:
    both = [*kept, *removed]
    frequencies = counted(random.sample(both, len(both)))
    for terms in random.sample(removed, len(removed)):
        frequencies.remove(hashes(terms))
    assert frequencies.weights(ALL_TERMS, ONCE).tolist() == counted(kept).weights(ALL_TERMS, ONCE).tolist()


@given(documents)
def test_rarer_terms_weigh_more(given_documents: list[set[int]]) -> None:
    weights = counted(given_documents).weights(ALL_TERMS, ONCE).tolist()
    frequency = [sum(term in terms for terms in given_documents) for term in range(31)]
    for term, other in zip(range(30), range(1, 31), strict=True):
        if frequency[term] < frequency[other]:
            assert weights[term] > weights[other]
        if frequency[term] == frequency[other]:
            assert weights[term] == weights[other]


def test_weights_rise_slower_than_counts() -> None:
    frequencies = counted([{1}, {2}, {3}])
    one, two, many = (int(frequencies.weights(hashes({1}), np.array([n], dtype=np.uint8))[0]) for n in (1, 2, 200))
    assert one < two < 2 * one
    assert two < many < 10 * one
