"""A stream as the similarities of all its pairs: what thousands of replays with other parameters have in common."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence, Set
from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from evaluation.prepared import Prepared
from evaluation.replay import calibration_for
from evaluation.space import ORIGIN
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.copies import CopyIndex
from services.clusterer.core.features import Features, blocks, combined, features_of
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


def pairs_of(stream: Prepared) -> Pairs:
    """The stream's pairs, its voices made by the core's own functions.

    Document frequencies are those of the reports of the week before, in the stream's own order.
    """
    events = stream.events
    times = np.array([event.published_at.timestamp() / DAY.total_seconds() for event in events])
    starts, copies, jaccards = _copies(events)
    originals = [place for place in range(len(events)) if not np.any(copies[starts[place] : starts[place + 1]] < place)]
    lead, title, terms = _voices(events, frozenset(originals))
    return Pairs(
        times=times,
        words=np.array([event.words for event in events]),
        lead=lead @ lead.T,
        title=title @ title.T,
        terms=terms @ terms.T,
        copy_starts=starts,
        copies=copies,
        jaccards=jaccards,
        begins=np.searchsorted(times, times - REACH_DAYS).astype(np.int32),
        ends=np.searchsorted(times, times + REACH_DAYS, side="right").astype(np.int32),
    )


def _voices(events: Sequence[ArticleVector], reports: Set[int]) -> tuple[Matrix, Matrix, Matrix]:
    # The voices' weights do not matter to their cosines but for rounding; what is shipped must not steer a search even by that.
    calibration, parameters = calibration_for(events[0]), ORIGIN
    frequencies = DocumentFrequencies(idf_floor=parameters.idf_floor)
    window: deque[tuple[ArticleVector, Hashes]] = deque()
    rows = []
    for place, event in enumerate(events):
        while window and event.published_at - window[0][0].published_at > parameters.window:
            frequencies.remove(window.popleft()[1])
        unweighted = features_of(event, calibration.dimension)
        features: Features = unweighted.weighted(frequencies)
        rows.append(combined(features, parameters, calibration))
        if place in reports:
            frequencies.add(features.terms)
            window.append((event, features.terms))
    layout, vectors = blocks(calibration.dimension), np.array(rows)
    return _units(vectors[:, layout.lead]), _units(vectors[:, layout.title]), _units(vectors[:, layout.terms])


def _units(vectors: npt.NDArray[np.float64]) -> Matrix:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: Matrix = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return units


def _copies(events: Sequence[ArticleVector]) -> tuple[Numbers, Numbers, Matrix]:
    parameters = Parameters()
    index = CopyIndex(jaccard_min=parameters.copy_jaccard, shingles_min=parameters.copy_shingles_min)
    found: list[list[tuple[int, float]]] = [[] for _ in events]
    for place, event in enumerate(events):
        shingles = np.frombuffer(event.shingles, dtype="<u4").astype(np.uint32)
        bands = index.bands(shingles)
        for jaccard, other in index.originals(shingles, bands):
            found[place].append((int(other), jaccard))
            found[int(other)].append((place, jaccard))
        index.add(str(place), shingles, bands)
    starts = np.cumsum([0, *map(len, found)]).astype(np.int32)
    flat = [pair for pairs in found for pair in pairs]
    return (
        starts,
        np.array([other for other, _ in flat], dtype=np.int32),
        np.array([jaccard for _, jaccard in flat], dtype=np.float32),
    )
