"""Load an exported model after checking that it is what was written, and of the same weights as the model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from newsloom.streaming.errors import ConfigurationError
from services.embedder.exports.manifest import INT8_FILE, REMEDY, read_manifest, verified_file
from services.embedder.networks.network import Network


def open_exported_network(backend: str, folder: Path, file: str, model: SentenceTransformer) -> Network:
    """Return the network of an exported file.

    Raises:
        ConfigurationError: the file is missing or damaged, or was exported from other weights.

    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise ConfigurationError(f"NEWSLOOM_BACKEND={backend!r}: there is no export in {folder} - {REMEDY}")
    if manifest.weights_sha256 != weights_sha256(model):
        raise ConfigurationError(
            f"NEWSLOOM_BACKEND={backend!r}: the export in {folder} was made from other weights of {manifest.model}"
            f" - {REMEDY} again"
        )
    return open_network(backend, verified_file(folder, manifest, file))


def open_network(backend: str, file: Path) -> Network:
    """Return the network of a file that was checked, or has just been written."""
    if backend.startswith("onnx"):
        from services.embedder.networks.onnx_network import OnnxNetwork  # noqa: PLC0415

        return OnnxNetwork(backend, file, is_quantized=file.name == INT8_FILE)
    from services.embedder.networks.openvino_network import OpenVinoNetwork  # noqa: PLC0415

    return OpenVinoNetwork(backend, file, precision="bf16" if backend.endswith("bf16") else "f32")


def weights_sha256(model: SentenceTransformer) -> str:
    """Return the SHA-256 of the names and bytes of all weights, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
