"""What a baseline sees of a stream."""

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
class Observed:
    """Articles in the order of replay: unit vectors (articles, dimension), days since the first, and texts.

    A text is what the vector was made of: title and lead, prepared.
    """

    vectors: Rows
    days: npt.NDArray[np.float64]
    texts: tuple[str, ...]


def observe(stream: Stream, events: Sequence[ArticleVector], encoder: Encoder) -> Observed:
    """What there is to see of the events of a stream, at the precision in which vectors travel."""
    articles = {one.article.id: one.article for one in stream.articles}
    texts = [prepare(articles[event.article_id]).passage for event in events]
    vectors = encoder.encode(texts).astype(np.float16).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    moments = np.array([event.published_at.timestamp() for event in events])
    return Observed(vectors, (moments - moments.min()) / 86_400, tuple(texts))


def noise_alone(labels: Iterable[int]) -> list[int]:
    """The labels with every -1 made a label of its own."""
    given = list(labels)
    free = max(given, default=0) + 1
    return [free + place if label < 0 else label for place, label in enumerate(given)]
