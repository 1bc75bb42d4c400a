"""`python -m tests.chaos.embedder`: the embedder, but for its model, whose vectors it looks up where they were kept.

They are the model's own, to the bit, and take it as long as the model does; only its CPU time is saved, which many of them on
two cores do not have. A signal makes its next batch a very slow one, while its heartbeats go on.
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
from services.embedder.__main__ import RECORDS_MAX
from services.embedder.encoder import Encoder, Vectors
from services.embedder.step import EmbedderStep
from tests.chaos.traffic import pair_of

VECTORS: Final = "CHAOS_VECTORS"
SLOW_S: Final = "CHAOS_SLOW_S"
"""Environment: the folder of the kept vectors, and the seconds that a slow batch takes."""
SLOW_SIGNAL: Final = signal.SIGUSR1
TEXT_S: Final = 0.02
"""What the default model takes for a text on one core, about."""


class PacedEncoder:
    """An encoder that takes its time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._slow = threading.Event()
        signal.signal(SLOW_SIGNAL, self._be_slow)

    @property
    def model(self) -> str:
        return self._encoder.model

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

    def _be_slow(self, _signal: int, _frame: FrameType | None) -> None:
        self._slow.set()


def kept_vectors(folder: Path, model: str) -> CachedEncoder:
    """The encoder that looks vectors up in the folder; what it does not find there it encodes, and keeps."""
    return CachedEncoder(
        model, partial(_load, model), folder, lambda done, of: print_progress(f"{done:,} of {of:,} texts")
    )


def keep_vectors(lines: list[bytes], vectors: Path, model: str) -> None:
    """See to it that the folder holds the vectors of all texts of these lines: the embedder's step is run over them once."""
    step = EmbedderStep(Settings(topic_prefix=""), kept_vectors(vectors, model))
    pairs = [pair_of(line) for line in lines]
    step.process([Record(ARTICLES.name, 0, place, 0, key, value) for place, (key, value) in enumerate(pairs)])


def _load(model: str) -> Encoder:
    # torch takes seconds to load: only for a text that was not kept.
    from services.embedder.sentence_encoder import load_encoder  # noqa: PLC0415

    return load_encoder(model)


def _build(settings: Settings, _log: Log, _progress: RestoreProgress) -> Step:
    encoder = kept_vectors(Path(os.environ[VECTORS]), settings.model)
    return EmbedderStep(settings, PacedEncoder(encoder))


if __name__ == "__main__":
    sys.exit(main("embedder", _build, records_max=RECORDS_MAX))
