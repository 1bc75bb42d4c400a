"""Encode a text once while its vector is in memory: many outlets print the same text of an agency, and articles come again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry, Counter

from services.embedder.encoder import Encoder, Vectors

BYTES_MAX: Final = 64 * 2**20
"""Bytes of the vectors in memory: some 38,000 texts of the default model."""
_ENTRY_OVERHEAD_BYTES: Final = 240
"""Of a key, a vector's object and their place in the dictionary, measured with CPython 3.11 on 64 bits."""
_KEY_BYTES: Final = 20
"""As long as SHA-1's: nobody can search for two texts with the same key."""


class CachingEncoder:
    """An encoder that keeps its latest vectors in memory and encodes a text again only if its vector is no longer there.

    A vector has the same bits as that of `encoder`, which gives the same bits for a text in any batch. There is a cache for each
    encoder, so vectors of two models never mix. Not thread-safe.
    """

    def __init__(self, encoder: Encoder, registry: CollectorRegistry, *, bytes_max: int = BYTES_MAX) -> None:
        self._encoder = encoder
        self._vectors: OrderedDict[bytes, bytes] = OrderedDict()
        vector_bytes = encoder.dimension * np.dtype(np.float32).itemsize
        self._entries_max = bytes_max // (vector_bytes + _ENTRY_OVERHEAD_BYTES)
        self._hits = Counter(
            "newsloom_vector_cache_hits", "Titles and passages whose vector was in memory", registry=registry
        )
        self._misses = Counter(
            "newsloom_vector_cache_misses", "Titles and passages that the model encoded", registry=registry
        )

    @property
    def model(self) -> str:
        """Return the name of the model."""
        return self._encoder.model

    @property
    def backend(self) -> str:
        """Return the name of the backend."""
        return self._encoder.backend

    @property
    def dimension(self) -> int:
        """Return the dimension of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit-length vectors, (texts, dimension), in the order of the texts."""
        keys = [_key(text) for text in texts]
        # The vectors of this batch are held apart from the cache, which may be too small for all of them.
        vectors = {key: vector for key in dict.fromkeys(keys) if (vector := self._vectors.get(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
        encoded = self._encoder.encode(list(missing.values()))
        vectors.update((key, vector.tobytes()) for key, vector in zip(missing, encoded, strict=True))
        self._keep(vectors)
        self._misses.inc(len(missing))
        self._hits.inc(len(texts) - len(missing))
        joined = b"".join([vectors[key] for key in keys])
        return np.frombuffer(joined, dtype=np.float32).reshape(len(texts), self.dimension)

    def _keep(self, vectors: dict[bytes, bytes]) -> None:
        """Move the vectors to the end of the cache and remove what was used longest ago."""
        self._vectors.update(vectors)
        for key in vectors:
            self._vectors.move_to_end(key)
        while len(self._vectors) > self._entries_max:
            self._vectors.popitem(last=False)


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()
