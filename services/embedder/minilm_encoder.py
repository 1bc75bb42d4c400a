"""Encode texts with the default model, without the libraries that load any model: a start takes 2 s instead of 10.

A BERT (Devlin et al. 2019, arXiv:1810.04805) with a mean over its tokens. It runs the operations that transformers and
sentence-transformers run, in the same order, so that the vectors are the same to the bit; tests/unit/embedder compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from services.embedder.model_files import ModelFiles
from services.embedder.pass_encoder import TOKENS_MAX, PassEncoder, use_threads

LAYERS: Final = 6
HEADS: Final = 12
EPSILON: Final = 1e-12
TOKENS_EPSILON: Final = 1e-9
PADDING: Final = 0


class MiniLm:
    """The network of all-MiniLM-L6-v2. Its weights have the names that transformers gives them."""

    def __init__(self, folder: Path) -> None:
        self._weights: dict[str, Tensor] = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)
        self.dimension = self._weights["embeddings.word_embeddings.weight"].shape[1]

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """See `TokenModel.tokenize`."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def embed(self, rows: Sequence[Sequence[int]], length: int) -> Tensor:
        """See `TokenModel.embed`."""
        ids = torch.tensor([[*row, *[PADDING] * (length - len(row))] for row in rows])
        is_token = torch.tensor([[place < len(row) for place in range(length)] for row in rows])
        # Without padding, as transformers does: attention without a mask may round differently.
        mask = None if bool(is_token.all()) else is_token[:, None, None, :].expand(-1, -1, length, -1)
        states = self._embeddings(ids, length)
        for layer in range(LAYERS):
            states = self._layer(states, f"encoder.layer.{layer}", mask)
        counted = is_token.unsqueeze(-1).expand(states.size()).to(states.dtype)
        mean = torch.sum(states * counted, 1) / torch.clamp(counted.sum(1), min=TOKENS_EPSILON)
        return functional.normalize(mean, p=2, dim=1)

    def _embeddings(self, ids: Tensor, length: int) -> Tensor:
        words = functional.embedding(ids, self._weights["embeddings.word_embeddings.weight"])
        # Type 0: there is no second sentence.
        states = words + self._weights["embeddings.token_type_embeddings.weight"][0]
        states = states + self._weights["embeddings.position_embeddings.weight"][:length]
        return self._normalize(states, "embeddings.LayerNorm")

    def _layer(self, states: Tensor, name: str, mask: Tensor | None) -> Tensor:
        attention = self._linear(self._attend(states, name, mask), f"{name}.attention.output.dense")
        states = self._normalize(attention + states, f"{name}.attention.output.LayerNorm")
        inner = functional.gelu(self._linear(states, f"{name}.intermediate.dense"))
        return self._normalize(self._linear(inner, f"{name}.output.dense") + states, f"{name}.output.LayerNorm")

    def _attend(self, states: Tensor, name: str, mask: Tensor | None) -> Tensor:
        rows, length, dimension = states.shape
        size = dimension // HEADS
        query, key, value = (
            self._linear(states, f"{name}.attention.self.{part}").view(rows, length, HEADS, size).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        heads = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=size**-0.5)
        return heads.transpose(1, 2).reshape(rows, length, dimension)

    def _linear(self, states: Tensor, name: str) -> Tensor:
        return functional.linear(states, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _normalize(self, states: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(states, weight.shape, weight, bias, EPSILON)


def open_encoder(model: ModelFiles) -> PassEncoder:
    """Load the default model, whose files are known to be right, and return its encoder."""
    threads = use_threads()
    return PassEncoder(model.name, MiniLm(Path(model.source)), threads=threads)
