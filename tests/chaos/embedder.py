"""`python -m tests.chaos.embedder`: the embedder with a cache of vectors in place of its model.

The vectors are those of the model, bit for bit, and take as long as with the model. Only CPU time is saved, so that several
embedders can run on two cores. A signal makes the next batch very slow, while heartbeats continue.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

from evaluation.streams.encoder_cache import CachedEncoder, print_progress
from newsloom.contracts.topics import ARTICLES
from newsloom.service import main
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.records import Record
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Step
from services.embedder.backends import TORCH, load_encoder
from services.embedder.encoder import Encoder, Vectors
from services.embedder.service import RECORDS_MAX
from services.embedder.step import EmbedderStep
from tests.chaos.traffic import pair_of

VECTORS: Final = "CHAOS_VECTORS"
SLOW_S: Final = "CHAOS_SLOW_S"
"""Environment variables: the folder of the cached vectors, and the seconds that a slow batch takes."""
SLOW_SIGNAL: Final = signal.SIGUSR1
TEXT_S: Final = 0.02
"""About the time that the default model takes for a text on one core."""


class PacedEncoder:
    """Takes as long as the model, and much longer for one batch after `SLOW_SIGNAL`."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._slow = threading.Event()
        signal.signal(SLOW_SIGNAL, self._on_slow_signal)

    @property
    def model(self) -> str:
        return self._encoder.model

    @property
    def backend(self) -> str:
        return self._encoder.backend

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        waiting = threading.Event()
        waiting.wait(TEXT_S * len(texts))
        if texts and self._slow.is_set():
            self._slow.clear()
            waiting.wait(float(os.environ[SLOW_S]))
        return self._encoder.encode(texts)

    def _on_slow_signal(self, _signal: int, _frame: FrameType | None) -> None:
        self._slow.set()


def cached_encoder(folder: Path, model: str) -> CachedEncoder:
    """Return an encoder that caches vectors in the folder."""
    return CachedEncoder(
        model,
        partial(load_encoder, model, TORCH.name),
        folder,
        lambda done, of: print_progress(f"{done:,} of {of:,} texts"),
    )


def cache_vectors(lines: list[bytes], vectors: Path, model: str) -> None:
    """Run the embedder's step over the lines once, so that the folder has the vectors of all texts."""
    step = EmbedderStep(Settings(topic_prefix=""), cached_encoder(vectors, model))
    pairs = [pair_of(line) for line in lines]
    step.process([Record(ARTICLES.name, 0, offset, 0, key, value) for offset, (key, value) in enumerate(pairs)])


def _build(settings: Settings, _log: Log, _progress: RestoreProgress) -> Step:
    encoder = cached_encoder(Path(os.environ[VECTORS]), settings.model)
    return EmbedderStep(settings, PacedEncoder(encoder))


if __name__ == "__main__":
    sys.exit(main("embedder", _build, records_max=RECORDS_MAX))
