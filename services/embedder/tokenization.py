"""Turn texts into the token ids of a sentence-transformers model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from sentence_transformers import SentenceTransformer

from services.embedder.networks.network import TokenArray

TOKENS_MAX: Final = 256
"""Longer texts are truncated. This is enough for a title and 120 words in nearly every language and tokenizer."""

E5_PROMPT: Final = "query: "
"""Before each text, as the model cards of the E5 family ask for texts that are compared with one another."""
_E5: Final = re.compile(r"intfloat/(multilingual-)?e5-(small|base|large)(-v2)?")


class Tokenization:
    """The model's tokenizer, with its prompt and its number of tokens."""

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        self._tokenizer: Any = model.tokenizer
        self._prompt = model.prompts.get(model.default_prompt_name or "") or known_prompt(name)
        self._tokens_max = _tokens_max(model)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text with the model's prompt before it. Longer texts are cut at the model's maximum."""
        prompted = [self._prompt + text for text in texts]
        ids: list[list[int]] = self._tokenizer(prompted, truncation=True, max_length=self._tokens_max)["input_ids"]
        return ids

    def pad(self, rows: Sequence[list[int]], length: int) -> tuple[TokenArray, TokenArray]:
        """Return token ids and attention mask, two (rows, length) arrays."""
        padded = self._tokenizer.pad({"input_ids": rows}, padding="max_length", max_length=length, return_tensors="np")
        return padded["input_ids"].astype(np.int64), padded["attention_mask"].astype(np.int64)


def known_prompt(name: str) -> str:
    """Return the prompt that a model needs although its files do not say so, by its name on the hub; empty for most models."""
    return E5_PROMPT if _E5.fullmatch(name) else ""


def _tokens_max(model: SentenceTransformer) -> int:
    """Return `TOKENS_MAX`, or the model's number of positions if lower. Its saved limit is often lower than what it can read."""
    config = getattr(model[0], "auto_model", None)
    positions = getattr(getattr(config, "config", None), "max_position_embeddings", None)
    # RoBERTa models reserve two positions for padding.
    return min(TOKENS_MAX, positions - 2) if isinstance(positions, int) and positions > 2 else TOKENS_MAX  # noqa: PLR2004
