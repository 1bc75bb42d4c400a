"""The features of an article: three components in one vector, whose inner product is the similarity of two articles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from newsloom.contracts.membership import Membership
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.evidence import Evidence, decode_evidence, mark_boilerplate, stored_evidence
from services.clusterer.core.fixed_point import (
    SCALE,
    UNIT,
    ExactVector,
    Vector,
    decode_half,
    decode_int16,
    rescale,
    rescale_rows,
)
from services.clusterer.core.frequencies import DocumentFrequencies
from services.clusterer.core.hashes import Hashes, contains, decode_hashes, stored_hashes
from services.clusterer.core.languages import language_of
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.zero_point import ZeroPoints

SKETCH: Final = 1_024
"""Dimensions that terms are hashed into, with signs (Weinberger et al. 2009). More of them mean less noise from collisions."""


class Features(NamedTuple):
    """The features of an article as they are stored. They do not depend on the parameters.

    `language` is the one that chooses the zero point (`languages.py`).
    """

    title: Vector
    lead: Vector
    terms: Hashes
    term_weights: npt.NDArray[np.int16]
    shingles: Hashes
    words: int
    evidence: Evidence
    language: str


class UnweightedFeatures(NamedTuple):
    """The features of a new article with the counts of its terms instead of their weights."""

    features: Features
    counts: npt.NDArray[np.uint8]

    def weighted(self, frequencies: DocumentFrequencies) -> Features:
        """Return the features with the current TF-IDF weights of the terms."""
        weights = frequencies.weights(self.features.terms, self.counts)
        return self.features._replace(term_weights=weights)


def decode_features(event: ArticleVector, dimension: int) -> UnweightedFeatures:
    """Decode the features of an article that the embedder has sent.

    Raises:
        UnusableEvent: a vector or a list of hashes violates the contract.

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
    evidence = decode_evidence(event.stems, event.stem_marks)
    language = language_of(event.language, event.title)
    return UnweightedFeatures(Features(title, lead, terms, weights, shingles, event.words, evidence, language), counts)


def stored_features(member: Membership) -> Features:
    """Return the features in the membership of an article of a comparable story."""
    return Features(
        title=decode_int16(member.title_vector),
        lead=decode_int16(member.lead_vector),
        terms=stored_hashes(member.terms),
        term_weights=decode_int16(member.term_weights),
        shingles=stored_hashes(member.shingles),
        words=member.words,
        evidence=stored_evidence(member),
        language=language_of(member.language, member.title),
    )


class VectorLayout(NamedTuple):
    """The slice of each component in a combined vector."""

    lead: slice
    title: slice
    terms: slice

    @property
    def embeddings(self) -> slice:
        """Return the slice of all but the terms."""
        return slice(0, self.terms.start)

    @property
    def size(self) -> int:
        """Return the number of dimensions of a combined vector."""
        return int(self.terms.stop)


def vector_layout(dimension: int) -> VectorLayout:
    """Return the layout for embeddings of this dimension."""
    return VectorLayout(
        slice(0, dimension), slice(dimension, 2 * dimension), slice(2 * dimension, 2 * dimension + SKETCH)
    )


def combined_vector(features: Features, parameters: Parameters, zero_points: ZeroPoints) -> ExactVector:
    """Return the article as one vector of integers, shape (2 x dimension + SKETCH,), scaled by `SCALE`.

    The inner product of two of them is the weighted sum of the cosines of their components, divided by the square roots of
    both length corrections. These compensate for short texts, which are less similar to everything.
    """
    unit = _unit(features.words, parameters)
    zero_point = zero_points.of(features.language)
    return np.concatenate(
        (
            _centred(features.lead, zero_point.lead, unit * math.sqrt(parameters.lead_weight)),
            _centred(features.title, zero_point.title, unit * math.sqrt(parameters.title_weight)),
            rescale(_sketch(features), unit * math.sqrt(parameters.terms_weight)),
        )
    )


def combined_embeddings(reports: Sequence[Membership], parameters: Parameters, zero_points: ZeroPoints) -> ExactVector:
    """Return what the combined vectors of these reports have but the terms, shape (reports, 2 x dimension)."""
    units = np.array([_unit(report.words, parameters) for report in reports])
    zeros = [zero_points.of(language_of(report.language, report.title)) for report in reports]
    leads, titles = [report.lead_vector for report in reports], [report.title_vector for report in reports]
    return np.concatenate(
        (
            rescale_rows(
                _rows(leads) - np.array([zero.lead for zero in zeros]), units * math.sqrt(parameters.lead_weight)
            ),
            rescale_rows(
                _rows(titles) - np.array([zero.title for zero in zeros]), units * math.sqrt(parameters.title_weight)
            ),
        ),
        axis=1,
    )


def length_correction(words: int, parameters: Parameters) -> float:
    """Return a factor between `short_text_factor`, up to `words_few` words, and 1, from `words_many` words."""
    few, many = parameters.words_few, parameters.words_many
    share = math.log(min(max(words, few), many) / few) / math.log(many / few)
    return parameters.short_text_factor + (1 - parameters.short_text_factor) * share


def title_fit(one: Features, other: Features, zero_points: ZeroPoints) -> float:
    """Return how well a title fits the other article's text: the higher of the cosines of one's title with the other's lead."""
    return max(_title_in_lead(one, other, zero_points), _title_in_lead(other, one, zero_points))


def _title_in_lead(one: Features, other: Features, zero_points: ZeroPoints) -> float:
    title = _centred(one.title, zero_points.of(one.language).title, SCALE)
    return float(np.dot(title, _centred(other.lead, zero_points.of(other.language).lead, SCALE))) / UNIT


def without_boilerplate(features: Features, page: Features) -> Features:
    """Return the features without the boilerplate of a page: the title instead of the lead, and no terms of the page."""
    own = ~contains(page.terms, features.terms)
    terms, weights = features.terms[own], features.term_weights[own]
    evidence = mark_boilerplate(features.evidence, page.evidence)
    return features._replace(lead=features.title, terms=terms, term_weights=weights, evidence=evidence)


def _unit(words: int, parameters: Parameters) -> float:
    return SCALE / math.sqrt(length_correction(words, parameters))


def _rows(vectors: Sequence[bytes]) -> ExactVector:
    return decode_int16(b"".join(vectors)).reshape(len(vectors), -1).astype(np.float64)


def _centred(vector: Vector, zero: Vector, length: float) -> ExactVector:
    return rescale(vector.astype(np.float64) - zero, length)


def _sketch(features: Features) -> ExactVector:
    signed = np.where(features.terms & 1, features.term_weights, -features.term_weights)
    sketch = np.bincount((features.terms >> 1) & (SKETCH - 1), weights=signed, minlength=SKETCH)
    return sketch.astype(np.float64, copy=False)
