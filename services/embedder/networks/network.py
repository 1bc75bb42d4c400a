"""The interface to a model's forward pass."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.embedder.encoder import Vectors

TokenArray = NDArray[np.int64]


class Network(Protocol):
    """Turn padded token ids into vectors. The same shape and row give the same bits, whatever the other rows hold."""

    @property
    def backend(self) -> str:
        """Return the name of the backend, which is stamped on every vector."""
        ...

    @property
    def tokens_per_pass(self) -> int:
        """Return the padded tokens of one pass; 0 if each text needs a pass of its own."""
        ...

    def run(self, input_ids: TokenArray, attention_mask: TokenArray) -> Vectors:
        """Return unit-length vectors, (rows, dimension), of two (rows, length) arrays. Called by several threads at once."""
        ...
