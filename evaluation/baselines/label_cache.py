"""A cache of baseline labels: some baselines take minutes, and the engine's code does not affect them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from evaluation.baselines.observations import Observations

Baseline = Callable[[Observations], list[int]]

_DIGEST_BYTES: Final = 16


def cached_labels(name: str, baseline: Baseline, observations: Observations, folder: Path) -> list[int]:
    """Return the baseline's labels, from the folder if the same code has labelled the same articles before."""
    file = folder / f"{_digest(name, baseline, observations)}.json"
    if file.exists():
        return msgspec.json.decode(file.read_bytes(), type=list[int])
    labels = baseline(observations)
    folder.mkdir(parents=True, exist_ok=True)
    # Write another file first and rename it: an interruption must not leave half a file under the name.
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(labels))
    part.replace(file)
    return labels


def _digest(name: str, baseline: Baseline, observations: Observations) -> str:
    state = blake2b(name.encode(), digest_size=_DIGEST_BYTES)
    state.update(Path(inspect.getfile(baseline)).read_bytes())
    state.update(observations.vectors.tobytes())
    state.update(observations.days.tobytes())
    state.update(msgspec.json.encode(observations.texts))
    return state.hexdigest()
