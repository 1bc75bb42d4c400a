"""The stream clusterers of river, which learn article by article. Slow: pure Python over every dimension or word.

TextClust does not use the vectors; it gets the words of title and lead. Source: Carnein, Assenmacher, Trautmann 2017; Assenmacher
and Trautmann 2022. DBSTREAM: Hahsler and Bolanos 2016.
"""

from __future__ import annotations

from math import dist
from typing import Final

from river.cluster import DBSTREAM, TextClust
from river.feature_extraction import BagOfWords
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from evaluation.baselines.observations import Observations

RADIUS: Final = 0.95
"""Euclidean distance of unit vectors: a cosine of .55, as for the greedy centroid."""
MEMORY_ARTICLES: Final = 1_000
"""A single article is forgotten after so many others. DBSTREAM's default is two, which forgets nearly all news."""
FADING: Final = 1 / MEMORY_ARTICLES

TEXT_RADIUS: Final = 0.7
"""Cosine distance of TF-IDF."""
MERGE_EVERY: Final = 100
"""Number of articles after which TextClust merges similar micro-clusters."""


def dbstream(observations: Observations) -> list[int]:
    """Return one label per article: its nearest micro-cluster after it has been learned."""
    model = DBSTREAM(clustering_threshold=RADIUS, fading_factor=FADING, cleanup_interval=MEMORY_ARTICLES)
    # By object identity: river reuses the number of a forgotten micro-cluster.
    known: dict[int, object] = {}
    numbers: dict[int, int] = {}
    labels = []
    for vector in observations.vectors.tolist():
        model.learn_one(dict(enumerate(vector)))
        nearest = min(model.micro_clusters.values(), key=lambda micro: dist(micro.center.values(), vector))
        known[id(nearest)] = nearest
        labels.append(numbers.setdefault(id(nearest), len(numbers)))
    return labels


def textclust(observations: Observations) -> list[int]:
    """Return one label per article; the articles of a merged micro-cluster get the label of the survivor."""
    model = TextClust(
        radius=TEXT_RADIUS, fading_factor=FADING, tgap=MERGE_EVERY, real_time_fading=False, term_fading=False
    )
    words = BagOfWords(lowercase=True, stop_words=set(ENGLISH_STOP_WORDS))
    merged: dict[int, int] = {}
    labels = []
    for count, text in enumerate(observations.texts, start=1):
        bag = words.transform_one(text)
        model.learn_one(bag)
        labels.append(model.predict_one(bag))
        if count % MERGE_EVERY == 0:
            merged.update({old: micro.id for micro in model.micro_clusters.values() for old in micro.merged_ids})
    return [_survivor(label, merged) for label in labels]


def _survivor(label: int, merged: dict[int, int]) -> int:
    seen = set()
    while label in merged and label not in seen:
        seen.add(label)
        label = merged[label]
    return label
