"""The forward pass by torch, on a CPU or on a CUDA device."""

from __future__ import annotations

from typing import Final

import torch
from sentence_transformers import SentenceTransformer

from services.embedder.batching import TOKENS_PER_PASS
from services.embedder.encoder import Vectors
from services.embedder.networks.network import TokenArray

TOKENS_PER_PASS_CUDA: Final = 16_384
"""A GPU has thousands of cores to keep busy: 64 full-length articles share a pass."""


class TorchNetwork:
    """A sentence-transformers model in the precision `dtype` on the device; `sentence_transformer` is moved there.

    On a CPU, give each thread that runs passes one thread of torch's: a sum that is split over threads is rounded differently.
    """

    def __init__(
        self,
        backend: str,
        sentence_transformer: SentenceTransformer,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._backend = backend
        self._device = torch.device(device)
        self._model = sentence_transformer.eval().to(device=self._device, dtype=dtype)

    @property
    def backend(self) -> str:
        """Return the name of the backend."""
        return self._backend

    @property
    def tokens_per_pass(self) -> int:
        """Return the padded tokens of one pass."""
        return TOKENS_PER_PASS if self._device.type == "cpu" else TOKENS_PER_PASS_CUDA

    @torch.inference_mode()
    def run(self, input_ids: TokenArray, attention_mask: TokenArray) -> Vectors:
        """See `Network.run`."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        moved = {name: torch.from_numpy(array).to(self._device) for name, array in inputs.items()}
        vectors = self._model(moved)["sentence_embedding"]
        unit: Vectors = torch.nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()
        return unit
