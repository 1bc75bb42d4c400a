"""Encode texts in forward passes of a model. Importing this module loads torch, which takes seconds.

The same text has the same vector, to the bit, in any batch and on any number of cores. Each forward pass therefore runs on
one thread, since a sum split over threads is rounded differently, and in a shape that depends on its texts alone (see
`batching`). Other cores work on other passes. benchmarks/encode.py measures the alternatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import numpy as np
import torch

from services.embedder.batching import ForwardPass, plan_passes
from services.embedder.cpu_quota import limit_threads
from services.embedder.encoder import Vectors

TOKENS_MAX: Final = 256
"""Longer texts are truncated. This is enough for a title and 120 words in nearly every language and tokenizer."""


class TokenModel(Protocol):
    """An embedding model that is loaded. `embed` is called by several threads at once."""

    dimension: int

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, at most `TOKENS_MAX`."""
        ...

    def embed(self, rows: Sequence[Sequence[int]], length: int) -> torch.Tensor:
        """Return the embeddings, (rows, dimension), of these tokens, padded to `length`."""
        ...


class PassEncoder:
    """Runs a model on the CPU. Not thread-safe; it runs worker threads of its own."""

    def __init__(self, name: str, model: TokenModel, *, threads: int) -> None:
        self._name = name
        self._model = model
        self._workers = ThreadPoolExecutor(threads, "encoder", initializer=torch.set_num_threads, initargs=(1,))

    @property
    def model(self) -> str:
        """Return the name of the model, as in the settings."""
        return self._name

    @property
    def dimension(self) -> int:
        """Return the dimension of a vector."""
        return self._model.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit-length vectors, (texts, dimension), in the order of the texts."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        tokens = self._model.tokenize(texts)
        passes = plan_passes([len(ids) for ids in tokens])
        results = self._workers.map(lambda one: self._run_pass(one, tokens), passes)
        for one, rows in zip(passes, results, strict=True):
            vectors[list(one.text_indexes)] = rows
        return vectors

    @torch.inference_mode()
    def _run_pass(self, one: ForwardPass, tokens: Sequence[list[int]]) -> Vectors:
        count = len(one.text_indexes)
        # Free rows hold one token: attention over none would be 0 / 0.
        rows = [tokens[index] for index in one.text_indexes] + [tokens[one.text_indexes[0]][:1]] * (one.rows - count)
        vectors = self._model.embed(rows, one.length)[:count]
        return torch.nn.functional.normalize(vectors.float(), dim=1).numpy()


def use_threads() -> int:
    """Let torch use one thread for each pass; return how many passes may run at once."""
    # Read before it is set to 1: the number of cores this process may use, or OMP_NUM_THREADS.
    threads = limit_threads(torch.get_num_threads())
    torch.set_num_threads(1)
    return threads
