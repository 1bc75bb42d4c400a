"""The shipped document frequencies: `python -m evaluation.document_frequencies` makes them. Hashes and counts, no text."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from services.digest.core.frequencies import DocumentFrequencies

ENGLISH: Final = Path(__file__).parent / "frequencies" / "en.npz"


def load_frequencies(path: Path = ENGLISH) -> DocumentFrequencies:
    """Read a table of document frequencies."""
    with np.load(path, allow_pickle=False) as table:
        return DocumentFrequencies(int(table["documents"]), table["hashes"], table["counts"])


def save_frequencies(path: Path, frequencies: DocumentFrequencies) -> None:
    """Write a table of document frequencies. The same table always gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path, documents=np.uint32(frequencies.documents), hashes=frequencies.hashes, counts=frequencies.counts
    )
