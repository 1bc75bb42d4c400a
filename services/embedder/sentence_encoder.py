"""Encode texts with a sentence-transformers model. Importing this module loads torch, which takes seconds.

The same text has the same vector, to the bit, in any batch and on any number of cores. Each forward pass therefore runs on
one thread, since a sum split over threads is rounded differently, and in a shape that depends on its texts alone (see
`batching`). Other cores work on other passes. benchmarks/encode.py measures the alternatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from newsloom.streaming.errors import ConfigurationError
from services.embedder.batching import ForwardPass, plan_passes
from services.embedder.cpu_quota import limit_threads
from services.embedder.encoder import Vectors
from services.embedder.model_files import ModelFiles, first_line, model_error
from services.embedder.networks.network import Network
from services.embedder.networks.torch_network import TorchNetwork
from services.embedder.tokenization import Tokenization


class SentenceEncoder:
    """A sentence-transformers model whose forward pass is a `Network`. Not thread-safe; it runs worker threads of its own."""

    def __init__(
        self, name: str, tokenization: Tokenization, network: Network, *, dimension: int, threads: int
    ) -> None:
        self._name = name
        self._tokenization = tokenization
        self._network = network
        self._dimension = dimension
        self._threads = threads
        self._workers = ThreadPoolExecutor(threads, "encoder", initializer=torch.set_num_threads, initargs=(1,))

    @property
    def model(self) -> str:
        """Return the name of the model, as in the settings."""
        return self._name

    @property
    def backend(self) -> str:
        """Return the name of the backend."""
        return self._network.backend

    @property
    def dimension(self) -> int:
        """Return the dimension of a vector."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit-length vectors, (texts, dimension), in the order of the texts."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        if not texts:
            return vectors
        tokens = self.tokenize(texts)
        passes = plan_passes([len(ids) for ids in tokens], tokens_max=self._network.tokens_per_pass)
        results = self._workers.map(lambda one: self.run_pass(one, tokens), passes)
        for one, rows in zip(passes, results, strict=True):
            vectors[list(one.text_indexes)] = rows
        return vectors

    def with_network(self, network: Network) -> SentenceEncoder:
        """Return an encoder of the same model with another forward pass."""
        return SentenceEncoder(
            self._name, self._tokenization, network, dimension=self._dimension, threads=self._threads
        )

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text. Longer texts are cut at the model's maximum."""
        return self._tokenization.tokenize(texts)

    def run_pass(self, one: ForwardPass, tokens: Sequence[list[int]]) -> Vectors:
        """Return the vectors of the texts of a pass, in its order."""
        count = len(one.text_indexes)
        # Free rows hold one token: attention over none would be 0 / 0.
        rows = [tokens[index] for index in one.text_indexes] + [tokens[one.text_indexes[0]][:1]] * (one.rows - count)
        return self._network.run(*self._tokenization.pad(rows, one.length))[:count]


def open_torch_network(model: SentenceTransformer) -> Network:
    """Return the model's own forward pass: torch on the CPU, in 32-bit floats."""
    return TorchNetwork("torch", model)


def open_encoder(
    model: ModelFiles, open_network: Callable[[SentenceTransformer], Network] = open_torch_network
) -> SentenceEncoder:
    """Load the model from its files and return its encoder, with torch on the CPU unless another network is given.

    Raises:
        ConfigurationError: the model cannot be loaded.

    """
    # Read before it is set to 1: the number of cores this process may use, or OMP_NUM_THREADS.
    threads = limit_threads(torch.get_num_threads())
    torch.set_num_threads(1)
    loaded = load_model(model)
    dimension = loaded.get_embedding_dimension()
    if dimension is None:
        raise ConfigurationError(
            f"NEWSLOOM_MODEL={model.name!r} has no fixed embedding dimension - use a sentence-transformers model"
        )
    tokenization = Tokenization(model.name, loaded)
    return SentenceEncoder(model.name, tokenization, open_network(loaded), dimension=dimension, threads=threads)


def load_model(model: ModelFiles) -> SentenceTransformer:
    """Load the model on the CPU; raise `ConfigurationError`."""
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no annotations
    try:
        return SentenceTransformer(model.source, device="cpu", local_files_only=model.is_local)
    except Exception as error:  # the libraries raise errors of many types
        raise model_error(model.name, first_line(error)) from error
