"""The methods that an Overview is compared with. They choose among all sentences of the texts, as they stand."""

from __future__ import annotations

import math
from collections import Counter
from itertools import zip_longest
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.overviews.stories import ReferenceStory
from services.digest.core.frequencies import DocumentFrequencies, content_words
from services.embedder.sentence_boundaries import sentence_spans

SENTENCES_MAX: Final = 40
_DAMPING: Final = 0.85
_ROUNDS: Final = 50
_REPETITION: Final = 0.5
"""The cosine from which LexRank leaves out a sentence, as it says again what a better one says."""


def lead(story: ReferenceStory) -> str:
    """Return the first sentences of all articles, then the second ones, and so on."""
    turns = zip_longest(*_sentences(story))
    return " ".join(sentence for turn in turns for sentence in turn if sentence)


def lexrank(story: ReferenceStory, frequencies: DocumentFrequencies) -> str:
    """Return the sentences by LexRank, best first (Erkan and Radev 2004, continuous), without repetitions."""
    sentences = [sentence for article in _sentences(story) for sentence in article]
    cosines = _cosines(sentences, frequencies)
    chosen: list[int] = []
    for index in np.argsort(-_centrality(cosines), kind="stable").tolist():
        if all(cosines[index, other] <= _REPETITION for other in chosen):
            chosen.append(index)
    return " ".join(sentences[index] for index in chosen)


def _sentences(story: ReferenceStory) -> list[list[str]]:
    return [
        [one.article.text[start:end] for start, end in sentence_spans(one.article.text)][:SENTENCES_MAX]
        for one in story.articles
    ]


def _cosines(sentences: list[str], frequencies: DocumentFrequencies) -> NDArray[np.float64]:
    counts = [Counter(content_words(sentence)) for sentence in sentences]
    columns = {word: index for index, word in enumerate(sorted({word for one in counts for word in one}))}
    vectors = np.zeros((len(sentences), len(columns)))
    for row, words in enumerate(counts):
        weights = {word: count * frequencies.inverse(word) for word, count in words.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values()))
        for word, weight in weights.items():
            vectors[row, columns[word]] = weight / length
    cosines: NDArray[np.float64] = vectors @ vectors.T
    return cosines


def _centrality(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = cosines.sum(axis=1, keepdims=True)
    steps = np.divide(cosines, sums, out=np.full_like(cosines, 1 / len(cosines)), where=sums > 0)
    rank = np.full(len(cosines), 1 / len(cosines))
    for _ in range(_ROUNDS):
        rank = (1 - _DAMPING) / len(cosines) + _DAMPING * (rank @ steps)
    return rank
