"""The forward pass by ONNX Runtime, of a model that `newsloom model export` has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

from services.embedder.batching import TOKENS_PER_PASS
from services.embedder.encoder import Vectors
from services.embedder.networks.network import TokenArray


class OnnxNetwork:
    """An exported model in 32-bit floats, or with 8-bit weights and activations.

    The scale of 8-bit activations is that of a whole array, so texts that share a pass would change each other's vectors:
    then each text has a pass of its own.
    """

    def __init__(self, backend: str, file: Path, *, is_quantized: bool) -> None:
        options = onnxruntime.SessionOptions()
        # A pass runs on the thread that asks for it: a sum that is split over threads is rounded differently.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._backend = backend
        self._tokens_per_pass = 0 if is_quantized else TOKENS_PER_PASS

    @property
    def backend(self) -> str:
        """Return the name of the backend."""
        return self._backend

    @property
    def tokens_per_pass(self) -> int:
        """Return the padded tokens of one pass."""
        return self._tokens_per_pass

    def run(self, input_ids: TokenArray, attention_mask: TokenArray) -> Vectors:
        """See `Network.run`."""
        vectors: Vectors = self._session.run(None, {"input_ids": input_ids, "attention_mask": attention_mask})[0]
        return vectors
