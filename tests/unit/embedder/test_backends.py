"""The choice of a backend: what is exported, agrees and can run here; an error names the setting and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsloom.settings import Backend as BackendSetting
from newsloom.streaming.errors import ConfigurationError
from services.embedder.backends import (
    AUTO,
    BACKENDS,
    EXPORTED,
    ONNX_INT8,
    TORCH,
    Backend,
    choose_backend,
    is_runnable,
    obstacle,
)
from services.embedder.cpu_features import has_bf16
from services.embedder.exports.agreement import REQUIRED_INT8, Agreement
from services.embedder.exports.manifest import (
    MANIFEST_FILE,
    Manifest,
    export_folder,
    file_sha256,
    read_manifest,
    verified_file,
    write_manifest,
)

MODEL = "mine"
PERFECT = Agreement(texts=9, cosine_min=1.0, cosine_mean=1.0)


def exported(cache: Path, **agreements: Agreement) -> Path:
    """Write the manifest of an export that was measured with these backends; `_` stands for a hyphen. Return its folder."""
    folder = export_folder(MODEL, str(cache))
    folder.mkdir(parents=True)
    by_name = {name.replace("_", "-"): agreement for name, agreement in agreements.items()}
    write_manifest(folder, Manifest(model=MODEL, weights_sha256="0", files={}, agreements=by_name))
    return folder


def test_the_setting_accepts_every_backend() -> None:
    assert set(BackendSetting.__args__) == {AUTO, *BACKENDS}  # type: ignore[attr-defined]


def test_auto_is_torch_without_an_export(tmp_path: Path) -> None:
    assert choose_backend(MODEL, AUTO, str(tmp_path)) is TORCH


def test_auto_is_the_first_exported_backend_that_can_run_here(tmp_path: Path) -> None:
    exported(tmp_path, **{one.name.replace("-", "_"): PERFECT for one in EXPORTED})
    runnable = [one for one in EXPORTED if is_runnable(one)]
    assert choose_backend(MODEL, AUTO, str(tmp_path)) is (*runnable, TORCH)[0]


def test_auto_takes_no_backend_that_disagrees_and_naming_it_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    exported(tmp_path, onnx_int8=Agreement(texts=9, cosine_min=0.97, cosine_mean=0.999))
    assert choose_backend(MODEL, AUTO, str(tmp_path)) is TORCH
    with pytest.raises(ConfigurationError, match=r"NEWSLOOM_BACKEND='onnx-int8'.*do not agree.*0\.9700.*0\.985"):
        choose_backend(MODEL, "onnx-int8", str(tmp_path))


def test_a_backend_that_is_not_exported_or_not_measured_names_the_command(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(
        ConfigurationError, match=r"NEWSLOOM_BACKEND='onnx'.*newsloom model export.*NEWSLOOM_MODEL_CACHE"
    ):
        choose_backend(MODEL, "onnx", str(tmp_path))
    exported(tmp_path, onnx_int8=PERFECT)
    with pytest.raises(ConfigurationError, match=r"not measured with it.*newsloom model export"):
        choose_backend(MODEL, "onnx", str(tmp_path))


def test_a_missing_package_names_the_extra(tmp_path: Path) -> None:
    reason = obstacle(Backend("fast", "no_such_package", "fast"), tmp_path, None)
    assert "no_such_package" in reason
    assert "pip install 'newsloom[fast]'" in reason


def test_both_cosines_have_to_reach_what_is_required() -> None:
    assert Agreement(texts=1, cosine_min=0.985, cosine_mean=0.993).meets(REQUIRED_INT8)
    assert not Agreement(texts=1, cosine_min=0.9849, cosine_mean=0.999).meets(ONNX_INT8.required)
    assert not Agreement(texts=1, cosine_min=0.99, cosine_mean=0.9929).meets(ONNX_INT8.required)


def test_a_manifest_that_cannot_be_read_is_an_error_and_not_torch(tmp_path: Path) -> None:
    (exported(tmp_path) / MANIFEST_FILE).write_bytes(b"{")
    with pytest.raises(ConfigurationError, match=r"NEWSLOOM_MODEL_CACHE.*manifest\.json.*newsloom model export"):
        choose_backend(MODEL, AUTO, str(tmp_path))


def test_an_exported_file_that_changed_or_is_missing_is_refused(tmp_path: Path) -> None:
    folder = exported(tmp_path)
    file = folder / "model.onnx"
    file.write_bytes(b"weights")
    manifest = Manifest(model=MODEL, weights_sha256="0", files={file.name: file_sha256(file)}, agreements={})
    assert verified_file(folder, manifest, file.name) == file
    file.write_bytes(b"weight5")
    with pytest.raises(ConfigurationError, match=r"sha256.*newsloom model export"):
        verified_file(folder, manifest, file.name)
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"cannot read.*newsloom model export"):
        verified_file(folder, manifest, file.name)


def test_a_manifest_is_read_as_written_and_models_of_similar_names_have_folders_of_their_own(tmp_path: Path) -> None:
    folder = exported(tmp_path, onnx=PERFECT)
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.agreements == {"onnx": PERFECT}
    assert export_folder("a/b", "x") != export_folder("a-b", "x")
    assert export_folder("/models/mine", "x").parent == Path("x")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx512_bf16 avx2", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu avx2", False),
        ("model name\t: bf16", False),
    ],
)
def test_bf16_is_read_from_the_flags_of_the_cpu(tmp_path: Path, line: str, *, expected: bool) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\n{line}\n")
    assert has_bf16(file) is expected
    assert not has_bf16(tmp_path / "missing")
