"""Vectors in fixed point: close to what they encode, and exact in sums."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.fixed_point import SCALE, decode_half, decode_int16, encode_int16, rescale

seeds = st.integers(0, 2**32 - 1)


def half(seed: int, dimension: int = 24, length: float = 1.0) -> bytes:
    vector = np.random.default_rng(seed).normal(size=dimension)
    encoded: bytes = (length * vector / np.linalg.norm(vector)).astype("<f2").tobytes()
    return encoded


@given(seeds)
def test_a_decoded_vector_is_close_to_the_encoded_one(seed: int) -> None:
    vector = decode_half(half(seed), "lead_vector")
    assert np.abs(vector / SCALE - np.frombuffer(half(seed), dtype="<f2").astype(float)).max() <= 0.5 / SCALE
    assert decode_int16(encode_int16(vector)).tolist() == vector.tolist()


@given(st.lists(seeds, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_sums_have_the_same_bits_in_any_order(given_seeds: list[int], random: Random) -> None:
    vectors = [decode_half(half(seed), "lead_vector").astype(np.float64) for seed in given_seeds]
    shuffled = random.sample(vectors, len(vectors))
    assert sum(vectors[1:], vectors[0]).tobytes() == sum(shuffled[1:], shuffled[0]).tobytes()


@given(seeds, st.floats(1, 1e6))
def test_a_rescaled_vector_has_its_length_and_direction_in_integers(seed: int, length: float) -> None:
    vector = decode_half(half(seed), "lead_vector").astype(np.float64)
    scaled = rescale(vector, length)
    assert scaled.tolist() == np.rint(scaled).tolist()
    assert np.abs(scaled - vector * length / np.linalg.norm(vector)).max() <= 0.5 + 1e-6
    assert rescale(np.zeros(3), length).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "vector has 0 bytes"),
        (bytes(3), "vector has 3 bytes"),
        (np.array([1, np.nan], dtype="<f2").tobytes(), "not finite"),
        (np.array([1, np.inf], dtype="<f2").tobytes(), "not finite"),
        (half(1, length=1.02), "vector has length 1.02"),
        (half(1, length=0.98), "vector has length 0.98"),
    ],
)
def test_other_vectors_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableEvent, match=rf"{reason}.* at `\$\.lead_vector`"):
        decode_half(data, "lead_vector")
