"""What the step needs of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into vectors. The same text gives the same bits, whatever else is in the batch."""

    @property
    def model(self) -> str:
        """The model's name, as it is stamped on every vector."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit-length vectors, (texts, dimension), in the order of the texts."""
        ...
