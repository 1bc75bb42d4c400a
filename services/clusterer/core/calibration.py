"""What belongs to an encoder, and not to the news: measured once on any stream, without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.clusterer.core.fixed_point import Vector


@dataclass(frozen=True, slots=True)
class Calibration:
    """The mean embeddings of titles and of leads, scaled as vectors are, shape (dimension,).

    Embeddings of news all point somewhat in one direction; half of it is taken out (after Mu and Viswanath 2018).
    """

    model: str
    title_mean: Vector
    lead_mean: Vector

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self.lead_mean.size)


def zero_calibration(model: str, dimension: int) -> Calibration:
    """Nothing taken out."""
    nothing = np.zeros(dimension, dtype=np.int16)
    return Calibration(model, nothing, nothing)
