"""From labelled articles to the events the clusterer reads, by the embedder's own step.

Only what the model makes of a text is kept on disk: preparation, fingerprints and whatever else the step adds are taken anew,
so that a change there needs nothing cleared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np

from evaluation.streams.stream import LabelledArticle, Stream
from newsloom.contracts.codec import decode_vector, encode
from newsloom.contracts.vector import ArticleVector
from newsloom.settings import Settings
from newsloom.streaming.records import Record
from services.embedder.encoder import Encoder, Vectors
from services.embedder.step import EmbedderStep

TEXTS_AT_ONCE: Final = 128
"""Encoded and stored together: an interruption loses no more."""
_KEY_BYTES: Final = 20

Progress = Callable[[int, int], None]
"""Told how many of how many texts have been encoded."""


class CachedEncoder:
    """An encoder that remembers on disk, by model and text. The model is loaded at the first text it needs."""

    def __init__(self, model: str, load: Callable[[], Encoder], folder: Path, progress: Progress) -> None:
        self._model = model
        self._load = load
        self._progress = progress
        self._loaded: Encoder | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "vectors.db"

    @property
    def model(self) -> str:
        """The model's name, as set."""
        return self._model

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._encoder().dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit-length vectors, (texts, dimension), in the order of the texts; the same bits as without the cache."""
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
        made: dict[bytes, bytes] = {}
        keys = list(missing)
        for start in range(0, len(keys), TEXTS_AT_ONCE):
            self._progress(start, len(keys))
            some = keys[start : start + TEXTS_AT_ONCE]
            rows = self._encoder().encode([missing[key] for key in some]).astype("<f4")
            fresh = {key: row.tobytes() for key, row in zip(some, rows, strict=True)}
            with database:
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", fresh.items())
            made.update(fresh)
        if keys:
            self._progress(len(keys), len(keys))
        return made

    def _encoder(self) -> Encoder:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _key(self, text: str) -> bytes:
        # The text is the prepared one: another preparation asks for other texts.
        content = f"{self._model}\0{text}".encode("utf-8", "surrogatepass")
        return blake2b(content, digest_size=_KEY_BYTES).digest()


def _stored(database: sqlite3.Connection, key: bytes) -> bytes | None:
    row = database.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def vectorize(stream: Stream, encoder: Encoder) -> list[ArticleVector | None]:
    """The stream as the clusterer reads it, article by article; None for one that the embedder rejects."""
    step = EmbedderStep(Settings(topic_prefix=""), encoder)
    outcome = step.process([_record(place, labelled) for place, labelled in enumerate(stream.articles)])
    rejected = {rejection.record.offset for rejection in outcome.rejected}
    messages = iter(outcome.messages)
    return [None if place in rejected else _event(next(messages).value) for place in range(len(stream.articles))]


def _record(place: int, labelled: LabelledArticle) -> Record:
    return Record(
        topic="articles",
        partition=0,
        offset=place,
        timestamp_ms=int(labelled.published_at.timestamp() * 1000),
        key=labelled.article.id.encode(),
        value=encode(labelled.article),
    )


def _event(value: bytes | None) -> ArticleVector:
    event = decode_vector(value or b"")
    assert isinstance(event, ArticleVector)  # noqa: S101 - for the type checker: no record here is a retraction
    return event
