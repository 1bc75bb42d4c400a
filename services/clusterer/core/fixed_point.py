"""Vectors of integers, so that sums are exact: adding, removing and restoring in any order give the same bits."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from services.clusterer.core.errors import UnusableEvent

Vector = npt.NDArray[np.int16]
"""A unit vector scaled by `SCALE`, shape (dimension,)."""
ExactVector = npt.NDArray[np.float64]
"""Integers in 64-bit floats. Sums and products below 2**53 are exact, so BLAS may compute them in any order."""

SCALE: Final = 2**14
UNIT: Final = float(SCALE) * SCALE
"""The inner product of a scaled vector of length 1 with itself."""
HALF_BYTES: Final = 2
NORM_TOLERANCE: Final = 0.01


def decode_half(data: bytes, field: str) -> Vector:
    """Convert a unit vector from little-endian IEEE half precision to fixed point.

    Raises:
        UnusableEvent: an odd number of bytes, a value that is not finite, or a length that is not within 1 % of 1.

    """
    if not data or len(data) % HALF_BYTES:
        raise UnusableEvent(f"vector has {len(data)} bytes; half precision needs 2 for each dimension - at `$.{field}`")
    values = np.frombuffer(data, dtype="<f2").astype(np.float64)
    squared = float(np.dot(values, values))
    # The square of a half is far from the largest 64-bit float.
    if not math.isfinite(squared):
        raise UnusableEvent(f"vector has a value that is not finite - at `$.{field}`")
    length = math.sqrt(squared)
    if abs(length - 1.0) > NORM_TOLERANCE:
        raise UnusableEvent(f"vector has length {length:.3f}, not 1 - at `$.{field}`")
    return np.rint(values * SCALE).astype(np.int16)


def encode_int16(values: npt.NDArray[np.int16]) -> bytes:
    """Encode integers as little-endian bytes."""
    return values.astype("<i2", copy=False).tobytes()


def decode_int16(data: bytes) -> npt.NDArray[np.int16]:
    """Decode what `encode_int16` has encoded."""
    return np.frombuffer(data, dtype="<i2").astype(np.int16, copy=False)


def rescale_rows(rows: ExactVector, lengths: ExactVector) -> ExactVector:
    """Return what `rescale` returns for each row of a matrix and its length."""
    squared = squared_lengths(rows)
    factors = np.divide(lengths, np.sqrt(squared), out=np.zeros_like(squared), where=squared > 0)
    rescaled: ExactVector = np.rint(rows * factors[:, None])
    return rescaled


def squared_lengths(rows: ExactVector) -> ExactVector:
    """Return the inner product of each row of a matrix with itself, shape (rows,)."""
    squared: ExactVector = np.einsum("ij,ij->i", rows, rows)
    return squared


def rescale(vector: ExactVector, length: float) -> ExactVector:
    """Scale a vector to this length and round it to integers. A zero vector stays zero."""
    squared = float(np.dot(vector, vector))
    return np.rint(vector * (length / math.sqrt(squared))) if squared else vector
