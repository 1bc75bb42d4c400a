"""Labels that a baseline has given before: some take minutes, and nothing about them changes with the engine."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from evaluation.baselines.observations import Observed

Baseline = Callable[[Observed], list[int]]

_DIGEST_BYTES: Final = 16


def remembered(name: str, baseline: Baseline, observed: Observed, folder: Path) -> list[int]:
    """The baseline's labels, from the folder if it has given them there for the same articles and by the same code."""
    file = folder / f"{_digest(name, baseline, observed)}.json"
    if file.exists():
        return msgspec.json.decode(file.read_bytes(), type=list[int])
    labels = baseline(observed)
    folder.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: an interruption leaves no half of a file under the name.
    half = file.with_suffix(".part")
    half.write_bytes(msgspec.json.encode(labels))
    half.replace(file)
    return labels


def _digest(name: str, baseline: Baseline, observed: Observed) -> str:
    state = blake2b(name.encode(), digest_size=_DIGEST_BYTES)
    state.update(Path(inspect.getfile(baseline)).read_bytes())
    state.update(observed.vectors.tobytes())
    state.update(observed.days.tobytes())
    state.update(msgspec.json.encode(observed.texts))
    return state.hexdigest()
