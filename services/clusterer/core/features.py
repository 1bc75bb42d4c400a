"""What is compared of an article: three voices in one vector, whose inner product is the similarity of a pair."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from newsloom.contracts.membership import Membership
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.fixed_point import SCALE, UNIT, ExactVector, Vector, decode_half, decode_int16, rescale
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.hashes import Hashes, decode_hashes
from services.clusterer.core.parameters import Parameters

SKETCH: Final = 1_024
"""Dimensions the terms are hashed into, with signs (Weinberger et al. 2009): more dimensions, less noise from collisions."""


class Features(NamedTuple):
    """The features of an article as they are kept: exact, whatever the parameters make of them."""

    title: Vector
    lead: Vector
    terms: Hashes
    term_weights: npt.NDArray[np.int16]
    shingles: Hashes
    words: int


class UnweightedFeatures(NamedTuple):
    """The features of a new article, its terms counted but not yet weighted."""

    features: Features
    counts: npt.NDArray[np.uint8]

    def weighted(self, frequencies: DocumentFrequencies) -> Features:
        """The features with the terms' TF-IDF weights of this moment."""
        weights = frequencies.weights(self.features.terms, self.counts)
        return self.features._replace(term_weights=weights)


def decode_features(event: ArticleVector, dimension: int) -> UnweightedFeatures:
    """The features of an article as the embedder sent it.

    Raises:
        Unusable: a vector or a list of hashes that is not what the contract says.

    """
    title, lead = decode_half(event.title_vector, "title_vector"), decode_half(event.lead_vector, "lead_vector")
    for vector, field in ((title, "title_vector"), (lead, "lead_vector")):
        if vector.size != dimension:
            raise UnusableEvent(f"{field} has {vector.size} dimensions, the model has {dimension} - at `$.{field}`")
    terms = decode_hashes(event.terms, "terms")
    counts = np.frombuffer(event.term_counts, dtype=np.uint8)
    if terms.size != counts.size:
        raise UnusableEvent(f"{terms.size} terms have {counts.size} counts - at `$.term_counts`")
    shingles = decode_hashes(event.shingles, "shingles")
    weights = np.zeros(0, dtype=np.int16)
    return UnweightedFeatures(Features(title, lead, terms, weights, shingles, event.words), counts)


def stored_features(member: Membership) -> Features:
    """The features of an article of an open story, as its membership keeps them."""
    return Features(
        title=decode_int16(member.title_vector),
        lead=decode_int16(member.lead_vector),
        terms=decode_hashes(member.terms, "terms"),
        term_weights=decode_int16(member.term_weights),
        shingles=decode_hashes(member.shingles, "shingles"),
        words=member.words,
    )


class VectorLayout(NamedTuple):
    """Where each voice stands in a combined vector."""

    lead: slice
    title: slice
    terms: slice

    @property
    def size(self) -> int:
        """The length of a combined vector."""
        return int(self.terms.stop)


def vector_layout(dimension: int) -> VectorLayout:
    """The layout for an encoder of this dimension."""
    return VectorLayout(
        slice(0, dimension), slice(dimension, 2 * dimension), slice(2 * dimension, 2 * dimension + SKETCH)
    )


def combined_vector(features: Features, parameters: Parameters, calibration: Calibration) -> ExactVector:
    """The article as one vector of whole numbers, shape (2 x dimension + SKETCH,), scaled by `SCALE`.

    The inner product of two of them is the weighted sum of the cosines of their voices, divided by the square root of both
    lengths' corrections: short texts are less similar to everything, and this takes it out.
    """
    unit = SCALE / math.sqrt(length_correction(features.words, parameters))
    return np.concatenate(
        (
            _centred(features.lead, calibration.lead_mean, unit * math.sqrt(parameters.lead_weight)),
            _centred(features.title, calibration.title_mean, unit * math.sqrt(parameters.title_weight)),
            rescale(_sketch(features), unit * math.sqrt(parameters.terms_weight)),
        )
    )


def length_correction(words: int, parameters: Parameters) -> float:
    """From `short_text_factor` for texts of `words_few` words or less up to 1 for texts of `words_many` and more."""
    few, many = parameters.words_few, parameters.words_many
    share = math.log(min(max(words, few), many) / few) / math.log(many / few)
    return parameters.short_text_factor + (1 - parameters.short_text_factor) * share


def title_fit(one: Features, other: Features, calibration: Calibration) -> float:
    """How well a title fits the text of the other article: the higher one of two cosines of a title with the other's lead."""
    return max(_title_in_lead(one, other, calibration), _title_in_lead(other, one, calibration))


def _title_in_lead(one: Features, other: Features, calibration: Calibration) -> float:
    title = _centred(one.title, calibration.title_mean, SCALE)
    return float(np.dot(title, _centred(other.lead, calibration.lead_mean, SCALE))) / UNIT


def without_boilerplate(features: Features, page: Features) -> Features:
    """What an article is compared by if its text is that of another page: its title, and the terms of its own."""
    own = ~np.isin(features.terms, page.terms, assume_unique=True)
    terms, weights = features.terms[own], features.term_weights[own]
    return features._replace(lead=features.title, terms=terms, term_weights=weights)


def _centred(vector: Vector, mean: Vector, length: float) -> ExactVector:
    # Twice the vector less the mean: half the mean taken out, in whole numbers.
    return rescale(2 * vector.astype(np.float64) - mean, length)


def _sketch(features: Features) -> ExactVector:
    signed = np.where(features.terms & 1, features.term_weights, -features.term_weights)
    sketch = np.bincount((features.terms >> 1) & (SKETCH - 1), weights=signed, minlength=SKETCH)
    return sketch.astype(np.float64, copy=False)
