"""The sentence-transformers backend. Importing it loads torch: seconds, not milliseconds.

Exact before fast. A pass runs on one thread (a sum split over threads is rounded otherwise) and in a shape that follows from
its texts alone (see `batching`); the machine's other cores work on other passes. The same text therefore has the same vector,
to the bit, in any batch and for any number of cores. benchmarks/encode.py measures what each alternative gives and costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from newsloom.streaming.errors import ConfigurationError
from services.embedder.batching import Pass, plan
from services.embedder.encoder import Vectors
from services.embedder.model_files import ModelFiles, find_model, first_line, not_a_model

TOKENS_MAX: Final = 256
"""Texts are cut here: room for a title and 120 words in nearly every language and tokenizer."""


class SentenceEncoder:
    """A sentence-transformers model on the CPU. Used by one thread; has worker threads of its own."""

    def __init__(self, name: str, model: SentenceTransformer, *, threads: int) -> None:
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise ConfigurationError(
                f"NEWSLOOM_MODEL={name!r} does not say its dimension; use a sentence-transformers model"
            )
        self._name = name
        self._model = model.eval()
        self._dimension = dimension
        self._prompt = model.prompts.get(model.default_prompt_name or "") or ""
        self._tokens_max = _tokens_max(model)
        self._workers = ThreadPoolExecutor(threads, "encoder", initializer=torch.set_num_threads, initargs=(1,))

    @property
    def model(self) -> str:
        """The model's name, as set."""
        return self._name

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit-length vectors, (texts, dimension), in the order of the texts."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        if not texts:
            return vectors
        tokens = self._tokenize(texts)
        passes = plan([len(ids) for ids in tokens])
        for one, rows in zip(passes, self._workers.map(lambda one: self._forward(one, tokens), passes), strict=True):
            vectors[list(one.members)] = rows
        return vectors

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        prompted = [self._prompt + text for text in texts]
        ids: list[list[int]] = self._model.tokenizer(prompted, truncation=True, max_length=self._tokens_max)[
            "input_ids"
        ]
        return ids

    @torch.inference_mode()
    def _forward(self, one: Pass, tokens: Sequence[list[int]]) -> Vectors:
        # Rows without a text hold one padding token: an attention over nothing at all would be 0 / 0.
        rows = [tokens[member] for member in one.members] + [tokens[one.members[0]][:1]] * (one.rows - len(one.members))
        padded: dict[str, Any] = self._model.tokenizer.pad(
            {"input_ids": rows}, padding="max_length", max_length=one.length, return_tensors="pt"
        )
        vectors = self._model({**padded})["sentence_embedding"][: len(one.members)]
        return torch.nn.functional.normalize(vectors.float(), dim=1).numpy()


def load_encoder(name: str) -> SentenceEncoder:
    """The encoder of the model of that name; raises `ConfigurationError` as `find_model` and `open_encoder` do."""
    return open_encoder(find_model(name))


def open_encoder(model: ModelFiles) -> SentenceEncoder:
    """The encoder of these files.

    Raises:
        ConfigurationError: the model cannot be loaded.

    """
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no annotations
    # Before it is set to one: the cores this process may use, or OMP_NUM_THREADS.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # The CPU, where the exactness was measured.
        loaded = SentenceTransformer(model.source, device="cpu", local_files_only=model.is_at_hand)
    except Exception as error:  # the libraries below raise whatever they like for files that are no model
        raise not_a_model(model.name, first_line(error)) from error
    return SentenceEncoder(model.name, loaded, threads=threads)


def _tokens_max(model: SentenceTransformer) -> int:
    """`TOKENS_MAX`, or what the model has positions for; not its saved limit, which is often below what it can read."""
    config = getattr(model[0], "auto_model", None)
    positions = getattr(getattr(config, "config", None), "max_position_embeddings", None)
    # RoBERTa and its kin keep two positions for padding.
    return min(TOKENS_MAX, positions - 2) if isinstance(positions, int) and positions > 2 else TOKENS_MAX  # noqa: PLR2004
