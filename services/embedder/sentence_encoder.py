"""Encode texts with sentence-transformers. Importing this module loads torch, which takes seconds.

The same text has the same vector, to the bit, in any batch and on any number of cores. Each forward pass therefore runs on
one thread, since a sum split over threads is rounded differently, and in a shape that depends on its texts alone (see
`batching`). Other cores work on other passes. benchmarks/encode.py measures the alternatives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from newsloom.streaming.errors import ConfigurationError
from services.embedder.batching import ForwardPass, plan_passes
from services.embedder.cpu_quota import limit_threads
from services.embedder.encoder import Vectors
from services.embedder.model_files import ModelFiles, first_line, model_error

TOKENS_MAX: Final = 256
"""Longer texts are truncated. This is enough for a title and 120 words in nearly every language and tokenizer."""

E5_PROMPT: Final = "query: "
"""Before each text, as the model cards of the E5 family ask for texts that are compared with one another."""
_E5: Final = re.compile(r"intfloat/(multilingual-)?e5-(small|base|large)(-v2)?")


class SentenceEncoder:
    """A sentence-transformers model on the CPU. Not thread-safe; it runs worker threads of its own."""

    def __init__(self, name: str, model: SentenceTransformer, *, threads: int) -> None:
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise ConfigurationError(
                f"NEWSLOOM_MODEL={name!r} has no fixed embedding dimension - use a sentence-transformers model"
            )
        self._name = name
        self._model = model.eval()
        self._dimension = dimension
        self._prompt = model.prompts.get(model.default_prompt_name or "") or known_prompt(name)
        self._tokens_max = _tokens_max(model)
        self._workers = ThreadPoolExecutor(threads, "encoder", initializer=torch.set_num_threads, initargs=(1,))

    @property
    def model(self) -> str:
        """Return the name of the model, as in the settings."""
        return self._name

    @property
    def dimension(self) -> int:
        """Return the dimension of a vector."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit-length vectors, (texts, dimension), in the order of the texts."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        if not texts:
            return vectors
        tokens = self._tokenize(texts)
        passes = plan_passes([len(ids) for ids in tokens])
        results = self._workers.map(lambda one: self._run_pass(one, tokens), passes)
        for one, rows in zip(passes, results, strict=True):
            vectors[list(one.text_indexes)] = rows
        return vectors

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        prompted = [self._prompt + text for text in texts]
        ids: list[list[int]] = self._model.tokenizer(prompted, truncation=True, max_length=self._tokens_max)[
            "input_ids"
        ]
        return ids

    @torch.inference_mode()
    def _run_pass(self, one: ForwardPass, tokens: Sequence[list[int]]) -> Vectors:
        count = len(one.text_indexes)
        # Free rows hold one token: attention over none would be 0 / 0.
        rows = [tokens[index] for index in one.text_indexes] + [tokens[one.text_indexes[0]][:1]] * (one.rows - count)
        padded: dict[str, Any] = self._model.tokenizer.pad(
            {"input_ids": rows}, padding="max_length", max_length=one.length, return_tensors="pt"
        )
        vectors = self._model({**padded})["sentence_embedding"][:count]
        return torch.nn.functional.normalize(vectors.float(), dim=1).numpy()


def known_prompt(name: str) -> str:
    """Return the prompt that a model needs although its files do not say so, by its name on the hub; empty for most models."""
    return E5_PROMPT if _E5.fullmatch(name) else ""


def open_encoder(model: ModelFiles) -> SentenceEncoder:
    """Load the model from its files and return its encoder.

    Raises:
        ConfigurationError: the model cannot be loaded.

    """
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no annotations
    # Read before it is set to 1: the number of cores this process may use, or OMP_NUM_THREADS.
    threads = limit_threads(torch.get_num_threads())
    torch.set_num_threads(1)
    try:
        # Only on the CPU are vectors known to be the same to the bit.
        loaded = SentenceTransformer(model.source, device="cpu", local_files_only=model.is_local)
    except Exception as error:  # the libraries raise errors of many types
        raise model_error(model.name, first_line(error)) from error
    return SentenceEncoder(model.name, loaded, threads=threads)


def _tokens_max(model: SentenceTransformer) -> int:
    """Return `TOKENS_MAX`, or the model's number of positions if lower. Its saved limit is often lower than what it can read."""
    config = getattr(model[0], "auto_model", None)
    positions = getattr(getattr(config, "config", None), "max_position_embeddings", None)
    # RoBERTa models reserve two positions for padding.
    return min(TOKENS_MAX, positions - 2) if isinstance(positions, int) and positions > 2 else TOKENS_MAX  # noqa: PLR2004
