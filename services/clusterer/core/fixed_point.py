"""Vectors as integers, so that sums are exact: adding, removing and restoring in any order give the same bits."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from services.clusterer.core.unusable import Unusable

Vector = npt.NDArray[np.int16]
"""A unit vector scaled by `SCALE`, shape (dimension,)."""
VectorSum = npt.NDArray[np.int64]
"""A sum of such vectors, shape (dimension,)."""

SCALE: Final = 2**14
HALF_BYTES: Final = 2
NORM_TOLERANCE: Final = 0.01


def from_half(data: bytes) -> Vector:
    """The fixed-point form of a unit vector given in little-endian IEEE half precision.

    Raises:
        Unusable: an odd number of bytes, a value that is not finite, or a length that is not 1 within 1 %.

    """
    if not data or len(data) % HALF_BYTES:
        raise Unusable(f"vector has {len(data)} bytes; half precision takes two for each dimension - at `$.vector`")
    values = np.frombuffer(data, dtype="<f2").astype(np.float64)
    if not np.isfinite(values).all():
        raise Unusable("vector holds a value that is not a finite number - at `$.vector`")
    length = math.sqrt(float(np.dot(values, values)))
    if abs(length - 1.0) > NORM_TOLERANCE:
        raise Unusable(f"vector has length {length:.3f}, not 1 - at `$.vector`")
    return np.rint(values * SCALE).astype(np.int16)


def encode_vector(vector: Vector) -> bytes:
    """The vector as little-endian int16."""
    return vector.astype("<i2").tobytes()


def decode_vector(data: bytes) -> Vector:
    """The vector that `encode_vector` wrote."""
    return np.frombuffer(data, dtype="<i2").astype(np.int16, copy=False)


def dot(a: VectorSum, b: VectorSum) -> int:
    """The exact inner product of two sums; cannot overflow below 180,000 vectors a sum."""
    return int(np.dot(a, b))


def cosine(a: VectorSum, b: VectorSum) -> float:
    """The cosine of two sums, from exact integers; 0 if one of them is empty."""
    lengths = math.sqrt(dot(a, a)) * math.sqrt(dot(b, b))
    return dot(a, b) / lengths if lengths else 0.0


def widened(vector: Vector) -> VectorSum:
    """The vector as a sum of one."""
    return vector.astype(np.int64)
