"""The forward pass by OpenVINO, of a model that `newsloom model export` has written."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import openvino

from services.embedder.batching import TOKENS_PER_PASS
from services.embedder.encoder import Vectors
from services.embedder.networks.network import TokenArray


class OpenVinoNetwork:
    """An exported model. `precision` is OpenVINO's name of a type: `f32`, or `bf16` where the CPU has it."""

    def __init__(self, backend: str, file: Path, *, precision: str) -> None:
        self._settings = {
            # A pass runs on one thread: a sum that is split over threads is rounded differently.
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": precision,
        }
        self._core: Any = openvino.Core()
        self._model = self._core.read_model(file)
        # A compiled model runs one pass at a time, so each thread has its own; the weights are shared.
        self._requests = threading.local()
        self._backend = backend

    @property
    def backend(self) -> str:
        """Return the name of the backend."""
        return self._backend

    @property
    def tokens_per_pass(self) -> int:
        """Return the padded tokens of one pass."""
        return TOKENS_PER_PASS

    def run(self, input_ids: TokenArray, attention_mask: TokenArray) -> Vectors:
        """See `Network.run`."""
        if not hasattr(self._requests, "request"):
            compiled = self._core.compile_model(self._model, "CPU", self._settings)
            self._requests.request = compiled.create_infer_request()
        results = self._requests.request.infer({"input_ids": input_ids, "attention_mask": attention_mask})
        # The array belongs to the request, whose next pass overwrites it.
        vectors: Vectors = results[0].copy()
        return vectors
