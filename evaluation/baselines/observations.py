"""What a baseline may use of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evaluation.streams.stream import Stream
from newsloom.contracts.vector import ArticleVector
from services.embedder.encoder import Encoder
from services.embedder.preparation import prepare

Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Observations:
    """Articles in the order of replay: unit vectors (articles, dimension), days since the first article, and texts.

    A text is the encoder's input: title and lead, prepared.
    """

    vectors: Rows
    days: npt.NDArray[np.float64]
    texts: tuple[str, ...]


def observations_of(stream: Stream, events: Sequence[ArticleVector], encoder: Encoder) -> Observations:
    """Return the observations of a stream's events, with vectors rounded to the half precision in which they travel."""
    articles = {one.article.id: one.article for one in stream.articles}
    texts = [prepare(articles[event.article_id]).passage for event in events]
    vectors = encoder.encode(texts).astype(np.float16).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    moments = np.array([event.published_at.timestamp() for event in events])
    return Observations(vectors, (moments - moments.min()) / 86_400, tuple(texts))


def separate_noise(labels: Iterable[int]) -> list[int]:
    """Return the labels with each -1 replaced by a label of its own."""
    given = list(labels)
    free = max(given, default=0) + 1
    return [free + index if label < 0 else label for index, label in enumerate(given)]
