"""Sorted 32-bit hashes, as shingles and terms come."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.clusterer.core.errors import UnusableEvent

Hashes = npt.NDArray[np.uint32]
"""Unique, ascending."""


def decode_hashes(data: bytes, field: str) -> Hashes:
    """The hashes in little-endian bytes.

    Raises:
        Unusable: the bytes are no ascending sequence of 32-bit numbers.

    """
    if len(data) % 4:
        raise UnusableEvent(f"hashes have {len(data)} bytes; each takes four - at `$.{field}`")
    hashes = np.frombuffer(data, dtype="<u4").astype(np.uint32, copy=False)
    if np.count_nonzero(hashes[1:] <= hashes[:-1]):
        raise UnusableEvent(f"hashes are not unique and ascending - at `$.{field}`")
    return hashes


def encode_hashes(hashes: Hashes) -> bytes:
    """The hashes as little-endian bytes."""
    return hashes.astype("<u4", copy=False).tobytes()
