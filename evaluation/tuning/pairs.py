"""The similarities of all pairs of a stream, computed once for thousands of replays with other parameters."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.replays.near_duplicate_pairs import near_duplicate_pairs
from evaluation.replays.replay import calibration_for
from evaluation.tuning.space import ORIGIN
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.features import (
    Features,
    combined_vector,
    decode_features,
    vector_layout,
    without_boilerplate,
)
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.hashes import Hashes
from services.clusterer.core.parameters import Parameters

DAY: Final = timedelta(days=1)
REACH_DAYS: Final = 21.0
"""Articles further apart are never compared: a story that runs longer is represented by its later articles."""

Matrix = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]


class Pairs(NamedTuple):
    """`times` in days, ascending; `lead`, `title` and `terms` are cosines, (articles, articles).

    The copies and originals of article i are `copies[copy_starts[i]:copy_starts[i + 1]]`, with their Jaccard indices in
    `jaccards`. The articles within reach of it are those from `begins[i]` to before `ends[i]`.
    """

    times: npt.NDArray[np.float64]
    words: npt.NDArray[np.int64]
    lead: Matrix
    title: Matrix
    terms: Matrix
    copy_starts: Integers
    copies: Integers
    jaccards: Matrix
    begins: Integers
    ends: Integers


class SharedTexts(NamedTuple):
    """Articles that share text, by index in the stream.

    `copies` holds an article's copies and originals with their Jaccard indices; `boilerplate` the earlier articles within a week
    with the same boilerplate, empty for a copy.
    """

    copies: list[list[tuple[int, float]]]
    boilerplate: list[list[int]]


def build_pairs(events: Sequence[ArticleVector]) -> Pairs:
    """Compute the pairs with the core's own features.

    Document frequencies and boilerplate are those of the week before each article, in the order of the events.
    """
    times = np.array([event.published_at.timestamp() / DAY.total_seconds() for event in events])
    shared = _find_shared_texts(events)
    lead, title, terms = _feature_vectors(events, shared)
    return Pairs(
        times=times,
        words=np.array([event.words for event in events]),
        lead=lead @ lead.T,
        title=title @ title.T,
        terms=terms @ terms.T,
        copy_starts=np.cumsum([0, *map(len, shared.copies)]).astype(np.int32),
        copies=np.array([other for pairs in shared.copies for other, _ in pairs], dtype=np.int32),
        jaccards=np.array([jaccard for pairs in shared.copies for _, jaccard in pairs], dtype=np.float32),
        begins=np.searchsorted(times, times - REACH_DAYS).astype(np.int32),
        ends=np.searchsorted(times, times + REACH_DAYS, side="right").astype(np.int32),
    )


def _feature_vectors(events: Sequence[ArticleVector], shared: SharedTexts) -> tuple[Matrix, Matrix, Matrix]:
    # The features' weights change cosines by rounding only. Use the origin's: a search must not depend on the shipped values.
    calibration, parameters = calibration_for(events[0]), ORIGIN
    frequencies = DocumentFrequencies(idf_floor=parameters.idf_floor)
    window: deque[tuple[ArticleVector, Hashes]] = deque()
    stored: list[Features] = []
    for index, event in enumerate(events):
        while window and event.published_at - window[0][0].published_at > parameters.window:
            frequencies.remove(window.popleft()[1])
        features = decode_features(event, calibration.dimension).weighted(frequencies)
        for other in shared.boilerplate[index]:
            features = without_boilerplate(features, stored[other])
        stored.append(features)
        if not any(other < index for other, _ in shared.copies[index]):
            frequencies.add(features.terms)
            window.append((event, features.terms))
    layout = vector_layout(calibration.dimension)
    vectors = np.array([combined_vector(features, parameters, calibration) for features in stored])
    lead, title, terms = (_unit_rows(vectors[:, block]) for block in (layout.lead, layout.title, layout.terms))
    return lead, title, terms


def _unit_rows(vectors: npt.NDArray[np.float64]) -> Matrix:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Matrix = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return units


def _find_shared_texts(events: Sequence[ArticleVector]) -> SharedTexts:
    parameters = Parameters()
    shared = SharedTexts([[] for _ in events], [[] for _ in events])
    for pair in near_duplicate_pairs(events, parameters):
        if pair.fit >= parameters.copy_fit:
            shared.copies[pair.later].append((pair.earlier, pair.jaccard))
            shared.copies[pair.earlier].append((pair.later, pair.jaccard))
        elif events[pair.later].published_at - events[pair.earlier].published_at <= parameters.window:
            shared.boilerplate[pair.later].append(pair.earlier)
    for index, copies in enumerate(shared.copies):
        if any(other < index for other, _ in copies):
            shared.boilerplate[index].clear()
    return shared
