"""An encoder that keeps its vectors on disk, by model, backend and text.

Only the encoder's output is cached. Text preparation, fingerprints and the rest of the embedder's step run anew each time, so a
change there needs no clearing of the cache.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Final

import click
import numpy as np

from newsloom.settings import Settings, load_settings
from services.embedder.backends import TORCH, Backend, choose_backend, load_encoder
from services.embedder.encoder import Encoder, Vectors

TEXTS_AT_ONCE: Final = 128
"""Texts encoded and stored together: an interruption loses no more."""
_KEY_BYTES: Final = 20

Progress = Callable[[int, int], None]
"""Called with the number of encoded texts and the number of texts to encode."""


class CachedEncoder:
    """An encoder with a cache on disk. The model is loaded when a text is not in the cache."""

    def __init__(
        self,
        model: str,
        load: Callable[[], Encoder],
        folder: Path,
        progress: Progress,
        *,
        backend: str = TORCH.name,
    ) -> None:
        self._model = model
        self._backend = backend
        self._encoder = cache(load)
        self._progress = progress
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "vectors.db"

    @property
    def model(self) -> str:
        """The model's name, as set."""
        return self._model

    @property
    def backend(self) -> str:
        """The name of the backend."""
        return self._backend

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._encoder().dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit-length vectors, (texts, dimension), in the order of the texts; the same bits as without the cache."""
        keys = [self._key(text) for text in texts]
        with closing(sqlite3.connect(self._file, timeout=60)) as database:
            database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
            known = {key: vector for key in dict.fromkeys(keys) if (vector := _stored(database, key)) is not None}
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
            known.update(self._encode_missing(database, missing))
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        return np.array([np.frombuffer(known[key], dtype="<f4") for key in keys], dtype=np.float32)

    def _encode_missing(self, database: sqlite3.Connection, missing: dict[bytes, str]) -> dict[bytes, bytes]:
        encoded: dict[bytes, bytes] = {}
        keys = list(missing)
        for start in range(0, len(keys), TEXTS_AT_ONCE):
            self._progress(start, len(keys))
            batch = keys[start : start + TEXTS_AT_ONCE]
            vectors = self._encoder().encode([missing[key] for key in batch]).astype("<f4")
            rows = {key: vector.tobytes() for key, vector in zip(batch, vectors, strict=True)}
            with database:
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows.items())
            encoded.update(rows)
        if keys:
            self._progress(len(keys), len(keys))
        return encoded

    def _key(self, text: str) -> bytes:
        # The text is already prepared, so another preparation has other keys. Torch's vectors have the keys of caches from
        # before there were other backends.
        made_by = self._model if self._backend == TORCH.name else f"{self._model}\0{self._backend}"
        content = f"{made_by}\0{text}".encode("utf-8", "surrogatepass")
        return blake2b(content, digest_size=_KEY_BYTES).digest()


def _stored(database: sqlite3.Connection, key: bytes) -> bytes | None:
    row = database.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def configured_encoder(folder: Path) -> CachedEncoder:
    """Return the encoder of NEWSLOOM_MODEL and NEWSLOOM_BACKEND, with its cache in the folder; raise `ConfigurationError`."""
    settings = load_settings(os.environ)
    return backend_encoder(settings, choose_backend(settings.model, settings.backend, settings.model_cache), folder)


def backend_encoder(settings: Settings, backend: Backend, folder: Path) -> CachedEncoder:
    """Return the encoder of NEWSLOOM_MODEL with this backend and with its cache in the folder."""
    return CachedEncoder(
        settings.model,
        partial(load_encoder, settings.model, backend.name, settings.model_cache),
        folder,
        lambda done, of: print_progress(f"{backend.name}: {done:,} of {of:,} texts encoded"),
        backend=backend.name,
    )


def print_progress(line: str) -> None:
    """Print a line of progress on standard error."""
    click.echo(line, err=True)
