"""Choose the backend that runs a model, and load it. A model that does not exist is an error before a runtime is imported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsloom.streaming.errors import ConfigurationError
from services.embedder.cpu_features import has_bf16
from services.embedder.encoder import Encoder
from services.embedder.exports.agreement import REQUIRED, REQUIRED_INT8, Agreement
from services.embedder.exports.manifest import FLOAT_FILE, INT8_FILE, REMEDY, Manifest, export_folder, read_manifest
from services.embedder.model_files import ModelFiles, find_model
from services.garbage_collection import gc_suspended

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from services.embedder.networks.network import Network

AUTO: Final = "auto"
CUDA: Final = "cuda"


@dataclass(frozen=True, slots=True)
class Backend:
    """A way to run a model.

    `package` and `extra` are what it needs installed, `file` the exported file that it reads (empty: the model's own weights),
    `required` how far its vectors have to agree with torch's.
    """

    name: str
    package: str
    extra: str
    file: str = ""
    needs_bf16: bool = False
    required: Agreement = REQUIRED


TORCH: Final = Backend("torch", "torch", "embedder")
TORCH_BF16: Final = Backend("torch-bf16", "torch", "embedder", needs_bf16=True)
CUDA_FP16: Final = Backend(CUDA, "torch", "embedder")
ONNX: Final = Backend("onnx", "onnxruntime", "onnx", FLOAT_FILE)
ONNX_INT8: Final = Backend("onnx-int8", "onnxruntime", "onnx", INT8_FILE, required=REQUIRED_INT8)
OPENVINO: Final = Backend("openvino", "openvino", "openvino", FLOAT_FILE)
OPENVINO_BF16: Final = Backend("openvino-bf16", "openvino", "openvino", FLOAT_FILE, needs_bf16=True)

EXPORTED: Final = (OPENVINO_BF16, ONNX_INT8, ONNX, OPENVINO)
"""The backends of exported models, the fastest first, as benchmarks/encode.py measured them on CPUs with and without bf16."""
BACKENDS: Final = {one.name: one for one in (*EXPORTED, TORCH, TORCH_BF16, CUDA_FP16)}


def load_encoder(model: str, backend: str = AUTO, cache: str = "") -> Encoder:
    """Find the model and load it with a backend: the settings NEWSLOOM_MODEL, NEWSLOOM_BACKEND and NEWSLOOM_MODEL_CACHE.

    Raises:
        ConfigurationError: the model does not exist or cannot be loaded, or the backend cannot run it.

    """
    found = find_model(model)
    chosen = choose_backend(model, backend, cache)
    # The libraries take seconds to import, a fifth less without collections.
    with gc_suspended():
        return open_backend(found, chosen, export_folder(model, cache))


def choose_backend(model: str, backend: str = AUTO, cache: str = "") -> Backend:
    """Return the backend of this name; with `auto` the fastest that the model was exported for and that this machine can run.

    `auto` is torch unless an operator has exported the model: an upgrade must not change vectors by itself.

    Raises:
        ConfigurationError: the named backend cannot run the model; the message says why and what to do.

    """
    folder = export_folder(model, cache)
    manifest = read_manifest(folder)
    if backend != AUTO:
        chosen = BACKENDS[backend]
        reason = obstacle(chosen, folder, manifest)
        if reason:
            raise ConfigurationError(f"NEWSLOOM_BACKEND={backend!r}: {reason}")
        return chosen
    return next((one for one in EXPORTED if not obstacle(one, folder, manifest)), TORCH)


def is_runnable(backend: Backend) -> bool:
    """Return whether the backend's package is installed and the CPU has what it needs."""
    return not _machine_obstacle(backend)


def open_backend(model: ModelFiles, backend: Backend, folder: Path) -> Encoder:
    """Load the model with the backend; raise `ConfigurationError`. Imports torch."""
    from services.embedder.sentence_encoder import open_encoder  # noqa: PLC0415

    return open_encoder(model, partial(_open_network, backend, folder))


def _open_network(backend: Backend, folder: Path, model: SentenceTransformer) -> Network:
    if backend.file:
        from services.embedder.exports.network import open_exported_network  # noqa: PLC0415

        return open_exported_network(backend.name, folder, backend.file, model)
    import torch  # noqa: PLC0415

    from services.embedder.networks.torch_network import TorchNetwork  # noqa: PLC0415

    if backend.name == CUDA:
        if not torch.cuda.is_available():
            raise ConfigurationError(
                f"NEWSLOOM_BACKEND={CUDA!r}: torch finds no CUDA device - install a build of torch with CUDA, or set"
                f" NEWSLOOM_BACKEND={AUTO}"
            )
        return TorchNetwork(backend.name, model, device=CUDA, dtype=torch.float16)
    return TorchNetwork(backend.name, model, dtype=torch.bfloat16 if backend.needs_bf16 else torch.float32)


def obstacle(backend: Backend, folder: Path, manifest: Manifest | None) -> str:
    """Return why the backend cannot run the model, and what to do; empty if it can."""
    return _machine_obstacle(backend) or (_export_obstacle(backend, folder, manifest) if backend.file else "")


def _machine_obstacle(backend: Backend) -> str:
    if find_spec(backend.package) is None:
        return (
            f"the package {backend.package} is not installed - run pip install 'newsloom[{backend.extra}]' or set"
            f" NEWSLOOM_BACKEND={AUTO}"
        )
    if backend.needs_bf16 and not has_bf16():
        return f"this CPU computes no bfloat16 - set NEWSLOOM_BACKEND={AUTO}"
    return ""


def _export_obstacle(backend: Backend, folder: Path, manifest: Manifest | None) -> str:
    if manifest is None:
        return f"there is no export in {folder} - {REMEDY}, or set NEWSLOOM_MODEL_CACHE to the folder that has it"
    agreement = manifest.agreements.get(backend.name)
    if agreement is None:
        return f"the export in {folder} was not measured with it - {REMEDY} again"
    if not agreement.meets(backend.required):
        return (
            f"its vectors do not agree with torch's (cosine {agreement.cosine_min:.4f} at least, {agreement.cosine_mean:.4f} on"
            f" average; required {backend.required.cosine_min} and {backend.required.cosine_mean}) - set NEWSLOOM_BACKEND={AUTO}"
        )
    return ""
