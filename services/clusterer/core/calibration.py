"""The calibration of an encoder: measured once, on any stream of news without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.clusterer.core.fixed_point import Vector


@dataclass(frozen=True, slots=True)
class Calibration:
    """The mean embeddings of titles and of leads, scaled by `SCALE`, shape (dimension,).

    They give the zero point (`zero_point.py`) of an edition's first articles.
    """

    model: str
    title_mean: Vector
    lead_mean: Vector

    @property
    def dimension(self) -> int:
        """Return the number of dimensions of an embedding."""
        return int(self.lead_mean.size)


def zero_calibration(model: str, dimension: int) -> Calibration:
    """Return a calibration that subtracts nothing."""
    zeros = np.zeros(dimension, dtype=np.int16)
    return Calibration(model, zeros, zeros)
