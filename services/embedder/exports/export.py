"""Export a model for ONNX Runtime and OpenVINO, and measure how far its vectors agree with torch's.

Pooling and all other modules of the sentence-transformers model are in the exported graph; its tokenizer stays outside.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from sentence_transformers import SentenceTransformer

from services.embedder.backends import EXPORTED, is_runnable
from services.embedder.exports.agreement import measure_agreement
from services.embedder.exports.manifest import (
    FLOAT_FILE,
    INT8_FILE,
    MANIFEST_FILE,
    Manifest,
    file_sha256,
    write_manifest,
)
from services.embedder.exports.network import open_network, weights_sha256
from services.embedder.model_files import ModelFiles
from services.embedder.sentence_encoder import load_model, open_encoder

OPSET: Final = 18
_ROWS, _LENGTH = "rows", "length"


class _UnitVectors(torch.nn.Module):
    """The whole model from token ids to unit-length vectors, with the inputs in an order, as an exported graph has them."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self._model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        vectors = self._model({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]
        return torch.nn.functional.normalize(vectors, dim=1)


def export_model(
    model: ModelFiles, folder: Path, texts: Sequence[str], report: Callable[[str], None] = lambda _: None
) -> Manifest:
    """Write the model's export into the folder, over an earlier one, and return its manifest.

    `texts` are real passages and titles, on which each backend that this machine can run is compared with torch. `report` is
    called with a line before each step.

    Raises:
        ConfigurationError: the model cannot be loaded.

    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST_FILE).unlink(missing_ok=True)
    report("encoding the texts with torch")
    reference_encoder = open_encoder(model)
    reference = reference_encoder.encode(texts)
    report(f"writing {folder / FLOAT_FILE}")
    loaded = load_model(model)
    _write_float(loaded, folder / FLOAT_FILE)
    report(f"writing {folder / INT8_FILE}")
    _write_int8(folder / FLOAT_FILE, folder / INT8_FILE)
    agreements = {}
    for backend in filter(is_runnable, EXPORTED):
        report(f"encoding the texts with {backend.name}")
        network = open_network(backend.name, folder / backend.file)
        agreements[backend.name] = measure_agreement(reference_encoder.with_network(network).encode(texts), reference)
    manifest = Manifest(
        model=model.name,
        weights_sha256=weights_sha256(loaded),
        files={name: file_sha256(folder / name) for name in (FLOAT_FILE, INT8_FILE)},
        agreements=agreements,
    )
    write_manifest(folder, manifest)
    return manifest


def _write_float(model: SentenceTransformer, file: Path) -> None:
    # The second row has padding, so that the attention mask is in the graph.
    ids = torch.ones((2, 48), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 30:] = 0
    dynamic: dict[str, Any] = {name: {0: _ROWS, 1: _LENGTH} for name in ("input_ids", "attention_mask")}
    with warnings.catch_warnings():
        # The exporter that replaces this one needs another package, takes eight times as long, and its graph is slower.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _UnitVectors(model.eval()),
            (ids, mask),
            str(file),
            input_names=list(dynamic),
            output_names=["vectors"],
            dynamic_axes={**dynamic, "vectors": {0: _ROWS}},
            opset_version=OPSET,
            dynamo=False,
        )


def _write_int8(source: Path, file: Path) -> None:
    """Quantize the matrices of the layers, a scale for each column; the embeddings of tokens stay as they are.

    Unsigned weights: with signed ones, CPUs without VNNI add pairs of products in 16 bits, which saturate, and the cosines fall.
    """
    quantize_dynamic(source, file, per_channel=True, weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul"])
