"""The combined vector of an article."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.features import combined_embeddings, combined_vector, stored_features, vector_layout
from services.clusterer.core.fixed_point import SCALE, decode_int16, encode_int16
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.zero_point import ZeroPoint, ZeroPoints
from tests.unit.clusterer.harness import membership

DIMENSION = 8


def embedding(seed: int) -> bytes:
    vector = np.random.default_rng(seed).normal(size=DIMENSION)
    return encode_int16(np.rint(SCALE * vector / np.linalg.norm(vector)).astype(np.int16))


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 400)), min_size=1, max_size=5))
def test_many_reports_have_the_embeddings_of_each(reports: list[tuple[int, int]]) -> None:
    members = [
        membership(number, words=words, title_vector=embedding(seed), lead_vector=embedding(seed + 1))
        for number, (seed, words) in enumerate(reports)
    ]
    zero_point = ZeroPoint(decode_int16(embedding(7)), np.zeros(DIMENSION, dtype=np.int16))
    zero_points = ZeroPoints(zero_point, {"de": ZeroPoint(decode_int16(embedding(8)), decode_int16(embedding(9)))})
    vectors = [combined_vector(stored_features(member), Parameters(), zero_points) for member in members]
    expected = np.stack(vectors)[:, vector_layout(DIMENSION).embeddings]
    assert np.array_equal(combined_embeddings(members, Parameters(), zero_points), expected)
