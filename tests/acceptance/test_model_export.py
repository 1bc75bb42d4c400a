"""An exported model agrees with torch by each backend, and gives the same bits for a text in any batch.

The default model is exported once, by the command.
"""

from __future__ import annotations

import json
from importlib.util import find_spec

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from services.cli.commands.model import command
from services.embedder.backends import EXPORTED, ONNX, Backend, is_runnable, load_encoder
from services.embedder.exports.agreement import measure_agreement
from services.embedder.exports.manifest import FLOAT_FILE, INT8_FILE, export_folder, read_manifest, write_manifest
from services.embedder.model_files import DEFAULT_MODEL
from tests.unit.embedder.test_networks import TEXTS, assert_a_batch_gives_the_bytes_of_single_calls

RUNTIMES = [one for one in EXPORTED if is_runnable(one)]
needs_export = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="needs the extra onnx"
)

# The first test exports the model: half a minute of CPU time, which is minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Export the default model with the command, measured on a few articles; return the folder of exported models."""
    folder = tmp_path_factory.mktemp("models")
    file = folder / "articles.jsonl"
    articles = [{"id": str(number), "title": "", "text": text} for number, text in enumerate(TEXTS)]
    file.write_text("".join(json.dumps(one) + "\n" for one in articles))
    arguments = ["export", str(file)]
    result = CliRunner().invoke(command, arguments, obj=Settings(model_cache=str(folder)), catch_exceptions=False)
    assert result.exit_code == 0
    assert "NEWSLOOM_BACKEND=auto is" in result.stdout
    return str(folder)


@needs_export
@pytest.mark.parametrize("backend", RUNTIMES, ids=lambda one: one.name)
def test_an_exported_model_agrees_with_torch_and_does_not_depend_on_the_batch(cache: str, backend: Backend) -> None:
    encoder = load_encoder(DEFAULT_MODEL, backend.name, cache)
    assert (encoder.model, encoder.backend, encoder.dimension) == (DEFAULT_MODEL, backend.name, 384)
    vectors = encoder.encode(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    reference = load_encoder(DEFAULT_MODEL, "torch").encode(TEXTS)
    assert measure_agreement(vectors, reference).meets(backend.required)
    assert_a_batch_gives_the_bytes_of_single_calls(encoder)


@needs_export
def test_an_export_of_other_weights_is_refused(cache: str) -> None:
    folder = export_folder(DEFAULT_MODEL, cache)
    manifest = read_manifest(folder)
    assert manifest is not None
    assert set(manifest.files) == {FLOAT_FILE, INT8_FILE}
    assert set(manifest.agreements) == {one.name for one in RUNTIMES}
    write_manifest(folder, msgspec.structs.replace(manifest, weights_sha256="0"))
    try:
        with pytest.raises(ConfigurationError, match=r"made from other weights.*newsloom model export"):
            load_encoder(DEFAULT_MODEL, ONNX.name, cache)
    finally:
        write_manifest(folder, manifest)
