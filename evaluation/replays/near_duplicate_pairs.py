"""Pairs of near-duplicate articles in a stream, and how well the title of one fits the text of the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evaluation.replays.replay import calibration_for
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.features import Features, decode_features, title_fit
from services.clusterer.core.minhash_index import MinHashIndex
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.zero_point import initial_zero_points


class NearDuplicate(NamedTuple):
    """Two articles, by index in the stream, with most of their text in common."""

    earlier: int
    later: int
    jaccard: float
    fit: float


def near_duplicate_pairs(events: Sequence[ArticleVector], parameters: Parameters) -> list[NearDuplicate]:
    """Return the reports that each article nearly duplicates: by article, the most similar first, then the earliest.

    As in the engine, but without its open stories: a copy of an article of the last window is not a report.
    """
    calibration = calibration_for(events[0])
    zero_points = initial_zero_points(calibration)
    index = MinHashIndex(jaccard_min=parameters.copy_jaccard, shingles_min=parameters.copy_shingles_min)
    stored: list[Features] = []
    pairs: list[NearDuplicate] = []
    for later, event in enumerate(events):
        features = decode_features(event, calibration.dimension).features
        bands = index.bands(features.shingles)
        found = [
            NearDuplicate(int(earlier), later, jaccard, title_fit(features, stored[int(earlier)], zero_points))
            for jaccard, earlier in index.matches(features.shingles, bands)
        ]
        copied = [pair for pair in found if pair.fit >= parameters.copy_fit]
        if found and not copied:
            # The engine, too, compares an article with boilerplate by its title.
            features = features._replace(lead=features.title)
        stored.append(features)
        if not any(event.published_at - events[pair.earlier].published_at <= parameters.window for pair in copied):
            index.add(str(later), features.shingles, bands)
        pairs += sorted(found, key=lambda pair: (-pair.jaccard, pair.earlier))
    return pairs
