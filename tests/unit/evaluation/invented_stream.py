"""A small invented labelled stream, and an encoder that needs no model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from random import Random

import numpy as np

from services.embedder.encoder import Vectors

DIMENSION = 1_024

TEXTS = {
    "flood": "The river Arn broke its banks at Low Mill and flooded forty houses in the old town of Arnmouth",
    "strike": "Tram drivers in Castel walked out over night shifts and pay talks with the city transport board failed",
    "comet": "Astronomers at the Peak observatory report a bright green comet that may be seen before dawn this week",
}


class WordEncoder:
    """An encoder of hashed words: texts with the same words have similar vectors."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    model = "words"
    backend = "words"
    dimension = DIMENSION

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit-length vectors, (texts, dimension)."""
        self.texts += texts
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.lower().split():
                row[int.from_bytes(blake2b(word.encode(), digest_size=8).digest()) % DIMENSION] += 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def row(number: int, story: str | None, day: int | None = 1) -> dict[str, object]:
    """Return a row about one of `TEXTS`; rows of one story differ by a few words and by word order."""
    subject = TEXTS[(story or "comet").partition("-")[0]]
    own = " ".join(f"w{number}x{word}" for word in range(2))
    words = subject.split()
    # Another order for each row: similar texts, but not near-duplicates, which share runs of words.
    Random(number).shuffle(words)  # noqa: S311 - no secret
    text = f"{' '.join(words)} {own}"
    date = None if day is None else f"2024-03-{day:02}"
    return {"id": f"a{number}", "title": own, "text": text, "story": story, "published_at": date}


def rows_of_three_stories() -> list[dict[str, object]]:
    """Return nine articles about three stories, in turn, over three days."""
    return [row(number, list(TEXTS)[number % 3], day=1 + number // 3) for number in range(9)]


def write_stream(folder: Path, name: str, rows: Sequence[dict[str, object]]) -> Path:
    """Write a stream file and return its path."""
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return file
