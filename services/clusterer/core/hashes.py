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


def stored_hashes(data: bytes) -> Hashes:
    """Return the hashes in a membership: `decode_hashes` has checked them when the article came."""
    return np.frombuffer(data, dtype="<u4")


def encode_hashes(hashes: Hashes) -> bytes:
    """Encode hashes as little-endian bytes."""
    return hashes.astype("<u4", copy=False).tobytes()


def contains(hashes: Hashes, wanted: Hashes) -> npt.NDArray[np.bool_]:
    """Return which of the wanted hashes, in any order, are among these, shape (wanted,)."""
    if not hashes.size:
        return np.zeros(wanted.size, dtype=np.bool_)
    found: npt.NDArray[np.bool_] = hashes.take(hashes.searchsorted(wanted), mode="clip") == wanted
    return found


def first_of_each(ascending: Hashes) -> npt.NDArray[np.bool_]:
    """Return which of these ascending numbers, equal ones among them, are the first of their value."""
    firsts = np.ones(ascending.size, dtype=np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=firsts[1:])
    return firsts
