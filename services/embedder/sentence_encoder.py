"""Load any model of sentence-transformers. Importing this module takes seconds: torch, transformers and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from newsloom.streaming.errors import ConfigurationError
from services.embedder.model_files import ModelFiles, first_line, model_error
from services.embedder.pass_encoder import TOKENS_MAX, PassEncoder, use_threads


class SentenceModel:
    """A sentence-transformers model."""

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise ConfigurationError(
                f"NEWSLOOM_MODEL={name!r} has no fixed embedding dimension - use a sentence-transformers model"
            )
        self.dimension = dimension
        self._model = model.eval()
        self._prompt = model.prompts.get(model.default_prompt_name or "") or ""
        self._tokens_max = _tokens_max(model)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """See `TokenModel.tokenize`."""
        prompted = [self._prompt + text for text in texts]
        ids: list[list[int]] = self._model.tokenizer(prompted, truncation=True, max_length=self._tokens_max)[
            "input_ids"
        ]
        return ids

    def embed(self, rows: Sequence[Sequence[int]], length: int) -> torch.Tensor:
        """See `TokenModel.embed`."""
        padded: dict[str, Any] = self._model.tokenizer.pad(
            {"input_ids": rows}, padding="max_length", max_length=length, return_tensors="pt"
        )
        embeddings: torch.Tensor = self._model({**padded})["sentence_embedding"]
        return embeddings


def open_encoder(model: ModelFiles) -> PassEncoder:
    """Load the model from its files and return its encoder.

    Raises:
        ConfigurationError: the model cannot be loaded.

    """
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it has no annotations
    threads = use_threads()
    try:
        # Only on the CPU are vectors known to be the same to the bit.
        loaded = SentenceTransformer(model.source, device="cpu", local_files_only=model.is_local)
    except Exception as error:  # the libraries raise errors of many types
        raise model_error(model.name, first_line(error)) from error
    return PassEncoder(model.name, SentenceModel(model.name, loaded), threads=threads)


def _tokens_max(model: SentenceTransformer) -> int:
    """Return `TOKENS_MAX`, or the model's number of positions if lower. Its saved limit is often lower than what it can read."""
    config = getattr(model[0], "auto_model", None)
    positions = getattr(getattr(config, "config", None), "max_position_embeddings", None)
    # RoBERTa models reserve two positions for padding.
    return min(TOKENS_MAX, positions - 2) if isinstance(positions, int) and positions > 2 else TOKENS_MAX  # noqa: PLR2004
