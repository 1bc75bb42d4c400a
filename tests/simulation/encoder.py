"""An encoder without a model: the vector of a text is the mean of random vectors, one for each of its words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import blake2b

import numpy as np

from services.embedder.encoder import Vectors

DIMENSION = 32


class WordEncoder:
    """Gives texts with the same words similar vectors."""

    model = "words"
    backend = "words"
    dimension = DIMENSION

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`."""
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = _text(text)
        return vectors


@cache
def _text(text: str) -> Vectors:
    total: Vectors = np.sum([_word(word) for word in text.lower().split()], axis=0, dtype=np.float32)
    unit: Vectors = total / np.linalg.norm(total)
    return unit


@cache
def _word(word: str) -> Vectors:
    seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
    direction: Vectors = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return direction
