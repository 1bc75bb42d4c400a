"""Arrays of 32-bit hashes: the shingles and the terms of an article."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.clusterer.core.errors import UnusableEvent

Hashes = npt.NDArray[np.uint32]
"""Unique and ascending, shape (hashes,)."""


def decode_hashes(data: bytes, field: str) -> Hashes:
    """Decode little-endian bytes.

    Raises:
        UnusableEvent: the bytes are not an ascending sequence of 32-bit numbers.

    """
    if len(data) % 4:
        raise UnusableEvent(f"hashes have {len(data)} bytes, not a multiple of 4 - at `$.{field}`")
    hashes = np.frombuffer(data, dtype="<u4").astype(np.uint32, copy=False)
    if np.count_nonzero(hashes[1:] <= hashes[:-1]):
        raise UnusableEvent(f"hashes are not unique and ascending - at `$.{field}`")
    return hashes


def encode_hashes(hashes: Hashes) -> bytes:
    """Encode hashes as little-endian bytes."""
    return hashes.astype("<u4", copy=False).tobytes()
