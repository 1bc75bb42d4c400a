"""Articles with texts, and two fast and deterministic models of different dimensions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec
import numpy as np

from newsloom.contracts.article import Article
from newsloom.contracts.codec import encode
from newsloom.contracts.topics import ARTICLES
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from services.embedder.encoder import Vectors
from services.embedder.step import EmbedderStep
from tests.laws.streams import START
from tests.unit.verifier.service_loops import ServiceLoops

WORDS_OF_A_SUBJECT = 24


class WordEncoder:
    """Embed a text as the sum of its words; the direction of a word depends only on word and model."""

    backend = "words"

    def __init__(self, model: str, dimension: int) -> None:
        self.model = model
        self.dimension = dimension
        self.texts_encoded = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts_encoded += len(texts)
        sums = np.array([sum(map(self._direction, text.split())) for text in texts]).reshape(-1, self.dimension)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        vectors: Vectors = (sums / lengths).astype(np.float32)
        return vectors

    def _direction(self, word: str) -> Vectors:
        seed = hashlib.blake2b(f"{self.model} {word}".encode(), digest_size=8).digest()
        direction: Vectors = np.random.default_rng(int.from_bytes(seed)).normal(size=self.dimension).astype(np.float32)
        return direction


OLD, NEW = ("small", 24), ("large", 40)
"""Name and dimension."""


def encoder_for(model: tuple[str, int]) -> WordEncoder:
    return WordEncoder(*model)


def services_with(log: Log, settings: Settings, model: tuple[str, int]) -> ServiceLoops:
    """Both services with that model."""
    step = EmbedderStep(settings, encoder_for(model))
    return ServiceLoops(log, msgspec.structs.replace(settings, model=model[0]), embedder=step, dimension=model[1])


def text_article(number: int, *, subject: int, hour: float = 0, edition: str = "main", revision: int = 0) -> Article:
    """An article with the words of its subject in an order of its own: similar to the others, but not a copy."""
    order = np.random.default_rng([number, revision]).permutation(WORDS_OF_A_SUBJECT)
    return Article(
        id=f"t{number}",
        edition=edition,
        title=f"Subject{subject} report",
        text=" ".join(f"w{subject}x{word}" for word in order),
        published_at=START + timedelta(hours=hour),
        outlet=f"Outlet {number % 3}",
    )


def some_days(edition: str = "main") -> list[Article]:
    """Articles of stories that grow, of one that closes, and of one with a correction."""
    articles = [text_article(number, subject=number % 4, hour=6 * number, edition=edition) for number in range(12)]
    later = [text_article(20 + n, subject=4 + n % 2, hour=24 * 12 + n, edition=edition) for n in range(7)]
    corrected = text_article(21, subject=5, hour=24 * 12 + 1, edition=edition, revision=1)
    return [*articles, *later, corrected]


def process_articles(services: ServiceLoops, articles: Iterable[Article]) -> None:
    """Write the articles and run both services until all is processed."""
    services.write(ARTICLES, [encode(one) for one in articles])
    services.drain("embedder", "clusterer")
