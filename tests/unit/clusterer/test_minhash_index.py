"""The MinHash index finds the reports with nearly the same text, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from services.clusterer.core.hashes import Hashes
from services.clusterer.core.minhash_index import MinHashIndex, jaccard

SHINGLES = 120


def text(seed: int, changed: int = 0) -> Hashes:
    """Return the shingles of a text, of which this many are replaced."""
    common = np.random.default_rng(seed).integers(2**32, size=SHINGLES, dtype=np.uint32)[changed:]
    own = np.random.default_rng([seed, changed]).integers(2**32, size=changed, dtype=np.uint32)
    return np.unique(np.concatenate((common, own)))


@pytest.fixture
def index() -> MinHashIndex:
    """Return an index of the texts 0 to 49."""
    index = MinHashIndex(jaccard_min=0.5, shingles_min=8)
    for seed in range(50):
        index.add(f"a{seed}", text(seed), index.bands(text(seed)))
    return index


def found(index: MinHashIndex, shingles: Hashes) -> dict[str, float]:
    return {article_id: score for score, article_id in index.matches(shingles, index.bands(shingles))}


def test_a_text_is_found_with_its_jaccard_index(index: MinHashIndex) -> None:
    for seed in range(50):
        similar = text(seed, changed=15)
        assert found(index, similar) == {f"a{seed}": jaccard(similar, text(seed))}
        assert found(index, text(seed)) == {f"a{seed}": 1.0}


def test_texts_below_the_least_jaccard_index_are_not_matches(index: MinHashIndex) -> None:
    for seed in range(50):
        different = text(seed, changed=50)
        assert jaccard(different, text(seed)) < 0.5
        assert found(index, different) == {}


def test_all_reports_of_a_text_are_found_until_they_are_removed(index: MinHashIndex) -> None:
    index.add("copy", text(7), index.bands(text(7)))
    assert set(found(index, text(7))) == {"a7", "copy"}
    index.remove("a7")
    assert set(found(index, text(7))) == {"copy"}
    index.remove("copy")
    index.remove("copy")
    assert found(index, text(7)) == {}


def test_short_texts_match_only_if_they_are_equal(index: MinHashIndex) -> None:
    short = text(0)[:7]
    index.add("short", short, index.bands(short))
    assert found(index, short) == {"short": 1.0}
    assert found(index, text(0)[:6]) == {}


def test_jaccard_index() -> None:
    one, other, none = (np.array(values, dtype=np.uint32) for values in ([1, 2, 3], [2, 3, 4, 5], []))
    assert jaccard(one, other) == jaccard(other, one) == 0.4
    assert (jaccard(one, one), jaccard(one, none), jaccard(none, none)) == (1.0, 0.0, 0.0)
