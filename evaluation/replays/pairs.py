"""A stream as the similarities of all its pairs: what thousands of replays with other parameters have in common."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.near_duplicates import repeats
from evaluation.replays.replay import calibration_for
from evaluation.streams.event_stream import Prepared
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
"""Articles further apart are never compared: a story that runs longer is known by its later articles."""

Matrix = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]


class Pairs(NamedTuple):
    """`times` in days, ascending; `lead`, `title` and `terms` the cosines of each voice, (articles, articles).

    The near-copies of article i, either way, are `copies[copy_starts[i]:copy_starts[i + 1]]`, with their Jaccard indices; the
    articles within reach of it are those from `begins[i]` to before `ends[i]`.
    """

    times: npt.NDArray[np.float64]
    words: npt.NDArray[np.int64]
    lead: Matrix
    title: Matrix
    terms: Matrix
    copy_starts: Numbers
    copies: Numbers
    jaccards: Matrix
    begins: Numbers
    ends: Numbers


class Shared(NamedTuple):
    """By article, in the stream's order: those it is a near-copy of or that are one of it, with their Jaccard indices; the
    earlier ones of a week that have the same boilerplate, unless it is a copy.
    """

    copies: list[list[tuple[int, float]]]
    pages: list[list[int]]


def pairs_of(stream: Prepared) -> Pairs:
    """The stream's pairs, its voices made by the core's own functions.

    Document frequencies are those of the reports of the week before, in the stream's own order; so is what is boilerplate.
    """
    events = stream.events
    times = np.array([event.published_at.timestamp() / DAY.total_seconds() for event in events])
    shared = _shared(events)
    lead, title, terms = _voices(events, shared)
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


def _voices(events: Sequence[ArticleVector], shared: Shared) -> tuple[Matrix, Matrix, Matrix]:
    # The voices' weights do not matter to their cosines but for rounding; what is shipped must not steer a search even by that.
    calibration, parameters = calibration_for(events[0]), ORIGIN
    frequencies = DocumentFrequencies(idf_floor=parameters.idf_floor)
    window: deque[tuple[ArticleVector, Hashes]] = deque()
    kept: list[Features] = []
    for place, event in enumerate(events):
        while window and event.published_at - window[0][0].published_at > parameters.window:
            frequencies.remove(window.popleft()[1])
        features = decode_features(event, calibration.dimension).weighted(frequencies)
        for page in shared.pages[place]:
            features = without_boilerplate(features, kept[page])
        kept.append(features)
        if not any(other < place for other, _ in shared.copies[place]):
            frequencies.add(features.terms)
            window.append((event, features.terms))
    layout = vector_layout(calibration.dimension)
    vectors = np.array([combined_vector(features, parameters, calibration) for features in kept])
    return _units(vectors[:, layout.lead]), _units(vectors[:, layout.title]), _units(vectors[:, layout.terms])


def _units(vectors: npt.NDArray[np.float64]) -> Matrix:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Matrix = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return units


def _shared(events: Sequence[ArticleVector]) -> Shared:
    parameters = Parameters()
    shared = Shared([[] for _ in events], [[] for _ in events])
    copies: set[int] = set()
    for one in repeats(events, parameters):
        if one.fit >= parameters.copy_fit:
            shared.copies[one.later].append((one.earlier, one.jaccard))
            shared.copies[one.earlier].append((one.later, one.jaccard))
            copies.add(one.later)
        elif events[one.later].published_at - events[one.earlier].published_at <= parameters.window:
            shared.pages[one.later].append(one.earlier)
    return shared._replace(pages=[[] if place in copies else pages for place, pages in enumerate(shared.pages)])
