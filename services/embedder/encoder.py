"""The interface to an embedding model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Encode texts as vectors. The same text gives the same bits in any batch."""

    @property
    def model(self) -> str:
        """Return the name of the model, which is stamped on every vector."""
        ...

    @property
    def backend(self) -> str:
        """Return the name of the backend that runs the model, which is stamped on every vector too."""
        ...

    @property
    def dimension(self) -> int:
        """Return the dimension of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit-length vectors, (texts, dimension), in the order of the texts."""
        ...
