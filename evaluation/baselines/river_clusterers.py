"""The stream clusterers of river, learning article by article. Slow: pure Python over every dimension or word.

TextClust knows no vectors; it gets the words of title and lead. Source: Carnein, Assenmacher, Trautmann 2017; Assenmacher and
Trautmann 2022. DBSTREAM: Hahsler and Bolanos 2016.
"""

from __future__ import annotations

from math import dist
from typing import Final

from river.cluster import DBSTREAM, TextClust
from river.feature_extraction import BagOfWords
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from evaluation.baselines.observations import Observed

RADIUS: Final = 0.95
"""Euclidean, of unit vectors: a cosine of .55, as for the greedy centroid."""
MEMORY_ARTICLES: Final = 1_000
"""DBSTREAM's defaults forget a lone article after two others, which leaves nothing of news: here after a thousand."""

TEXT_RADIUS: Final = 0.7
"""Cosine distance of TF-IDF."""
MERGE_EVERY: Final = 100
"""TextClust merges what has grown alike every so many articles."""


def dbstream(observed: Observed) -> list[int]:
    """One label an article: the micro-cluster it is nearest to once it has been learned."""
    model = DBSTREAM(clustering_threshold=RADIUS, fading_factor=1 / MEMORY_ARTICLES, cleanup_interval=MEMORY_ARTICLES)
    # By object: river gives the number of a forgotten micro-cluster to another one.
    known: dict[int, object] = {}
    numbers: dict[int, int] = {}
    labels = []
    for vector in observed.vectors.tolist():
        model.learn_one(dict(enumerate(vector)))
        nearest = min(model.micro_clusters.values(), key=lambda micro: dist(micro.center.values(), vector))
        known[id(nearest)] = nearest
        labels.append(numbers.setdefault(id(nearest), len(numbers)))
    return labels


def textclust(observed: Observed) -> list[int]:
    """One label an article; a merged micro-cluster's articles go with it."""
    model = TextClust(
        radius=TEXT_RADIUS,
        fading_factor=1 / MEMORY_ARTICLES,
        tgap=MERGE_EVERY,
        real_time_fading=False,
        term_fading=False,
    )
    words = BagOfWords(lowercase=True, stop_words=set(ENGLISH_STOP_WORDS))
    merged: dict[int, int] = {}
    labels = []
    for count, text in enumerate(observed.texts, start=1):
        bag = words.transform_one(text)
        model.learn_one(bag)
        labels.append(model.predict_one(bag))
        if count % MERGE_EVERY == 0:
            merged.update({gone: micro.id for micro in model.micro_clusters.values() for gone in micro.merged_ids})
    return [_survivor(label, merged) for label in labels]


def _survivor(label: int, merged: dict[int, int]) -> int:
    seen = set()
    while label in merged and label not in seen:
        seen.add(label)
        label = merged[label]
    return label
