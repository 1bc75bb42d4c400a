"""How far the vectors of a backend agree with those of torch in 32-bit floats. Vectors that agree may share a log."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from services.embedder.encoder import Vectors


class Agreement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cosines of the vectors of `texts` texts with torch's: the lowest, and the mean."""

    texts: int
    cosine_min: float
    cosine_mean: float

    def meets(self, required: Agreement) -> bool:
        """Return whether both cosines are at least the required ones."""
        return self.cosine_min >= required.cosine_min and self.cosine_mean >= required.cosine_mean


REQUIRED_INT8: Final = Agreement(texts=0, cosine_min=0.985, cosine_mean=0.993)
REQUIRED: Final = Agreement(texts=0, cosine_min=0.999, cosine_mean=0.999)
"""Of 8-bit backends, and of all others."""


def measure_agreement(vectors: Vectors, reference: Vectors) -> Agreement:
    """Compare unit-length vectors, (texts, dimension), with torch's of the same texts; there must be at least one."""
    cosines = (vectors * reference).sum(axis=1)
    return Agreement(texts=len(cosines), cosine_min=float(cosines.min()), cosine_mean=float(np.mean(cosines)))
