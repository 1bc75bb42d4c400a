"""A cached vector has the bits of an uncached one, each distinct text is encoded once, and the cache stays within its bytes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.embedder.encoder import Vectors
from services.embedder.vector_cache import CachingEncoder
from tests.unit.embedder.test_step import BytesEncoder

ENTRY_BYTES = 8 * 4 + 240
"""What a vector of `BytesEncoder` counts for."""

BATCHES = st.lists(st.lists(st.sampled_from(["", "a", "b", "c", "d", "\ud800"]), max_size=8), max_size=12)


class CountingEncoder(BytesEncoder):
    """Knows what it was asked for, and encodes texts that are not valid Unicode too."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return BytesEncoder().encode([ascii(text) for text in texts])


def cached(encoder: BytesEncoder, *, entries: int = 100) -> tuple[CachingEncoder, CollectorRegistry]:
    registry = CollectorRegistry()
    return CachingEncoder(encoder, registry, bytes_max=entries * ENTRY_BYTES), registry


@given(BATCHES, st.integers(0, 4))
def test_vectors_have_the_bits_of_the_encoder_whatever_is_in_memory(batches: list[list[str]], entries: int) -> None:
    encoder, _ = cached(CountingEncoder(), entries=entries)
    for batch in batches:
        expected = CountingEncoder().encode(batch)
        given_vectors = encoder.encode(batch)
        assert given_vectors.dtype == np.dtype(np.float32)
        assert given_vectors.shape == (len(batch), 8)
        assert given_vectors.tobytes() == expected.tobytes()


@given(BATCHES)
def test_each_distinct_text_is_encoded_once(batches: list[list[str]]) -> None:
    inner = CountingEncoder()
    encoder, registry = cached(inner)
    for batch in batches:
        encoder.encode(batch)
    texts = [text for batch in batches for text in batch]
    assert inner.texts == list(dict.fromkeys(texts))
    assert registry.get_sample_value("newsloom_vector_cache_misses_total") == len(inner.texts)
    assert registry.get_sample_value("newsloom_vector_cache_hits_total") == len(texts) - len(inner.texts)


def test_the_text_used_longest_ago_is_forgotten_first() -> None:
    inner = CountingEncoder()
    encoder, _ = cached(inner, entries=2)
    for text in ["a", "b", "a", "c", "a", "b"]:
        encoder.encode([text])
    assert inner.texts == ["a", "b", "c", "b"]


def test_it_takes_no_more_memory_than_its_bytes() -> None:
    bytes_max = 2_000_000
    encoder = CachingEncoder(WideEncoder(), CollectorRegistry(), bytes_max=bytes_max)
    tracemalloc.start()
    try:
        for number in range(3_000):
            encoder.encode([str(number)])
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bytes_max / 2 < used < bytes_max


class WideEncoder:
    """Gives vectors as long as the default model's."""

    model = "wide"
    backend = "wide"
    dimension = 384

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), self.dimension), 384**-0.5, dtype=np.float32)
