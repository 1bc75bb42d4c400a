"""An exported model on disk: its files, their checksums, and which backends agree with torch. Needs no torch."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from newsloom.streaming.errors import ConfigurationError
from services.embedder.exports.agreement import Agreement

MANIFEST_FILE: Final = "manifest.json"
FLOAT_FILE: Final = "model.onnx"
INT8_FILE: Final = "model-int8.onnx"
REMEDY: Final = "run `newsloom model export`"
_NAME_CHARACTERS: Final = re.compile(r"[^A-Za-z0-9._-]+")


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an export holds.

    `weights_sha256` is that of the weights it was made from, `files` has the SHA-256 of each file by name, and `agreements` how
    far the vectors of each backend agree with those of torch.
    """

    model: str
    weights_sha256: str
    files: dict[str, str]
    agreements: dict[str, Agreement]


def export_folder(model: str, cache: str) -> Path:
    """Return the folder of a model's export in the cache folder, or in the user's if `cache` is empty. It need not exist."""
    root = (
        Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "newsloom/models"
    )
    # The digest tells apart names that differ only in characters that file names cannot have.
    digest = hashlib.sha256(model.encode()).hexdigest()[:8]
    return root / f"{_NAME_CHARACTERS.sub('-', model)[-64:]}-{digest}"


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of the folder; None if nothing was exported there.

    Raises:
        ConfigurationError: the manifest cannot be read.

    """
    file = folder / MANIFEST_FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"NEWSLOOM_MODEL_CACHE: {file} cannot be read: {error} - {REMEDY} again") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, last of all files: an export without one counts as missing."""
    file = folder / MANIFEST_FILE
    temporary = file.with_suffix(".new")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    temporary.replace(file)


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def verified_file(folder: Path, manifest: Manifest, name: str) -> Path:
    """Return the path of an exported file after a check of its SHA-256; raise `ConfigurationError` if it is not as written."""
    file = folder / name
    try:
        found = file_sha256(file)
    except OSError as error:
        raise ConfigurationError(
            f"NEWSLOOM_MODEL_CACHE: cannot read {file}: {error.strerror} - {REMEDY} again"
        ) from error
    if found != manifest.files.get(name):
        expected = manifest.files.get(name)
        raise ConfigurationError(
            f"NEWSLOOM_MODEL_CACHE: {file} has sha256 {found}, expected {expected} - {REMEDY} again"
        )
    return file
