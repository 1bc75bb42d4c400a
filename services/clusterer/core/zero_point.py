"""The zero points of an edition: what all embeddings of a language have in common, measured from the edition's own articles.

All embeddings of a language have a common direction, the more so the less the encoder knows the language. That direction is
subtracted before embeddings are compared (after Mu and Viswanath 2018), but for a small part, so that one set of bars fits every
language and encoder.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from newsloom.contracts.membership import Checkpoint, Membership, ZeroPointState
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.fixed_point import SCALE, UNIT, ExactVector, Vector, decode_int16, encode_int16

RESIDUAL: Final = 0.25
"""The length of the mean embedding that is left, over the root mean square distance of embeddings from their mean.

So the cosine of unrelated articles is 1 / (1 + 1 / RESIDUAL**2) = .06 on average, in every language and with every encoder.
"""
FIRST_AT: Final = 4
INTERVAL_MAX: Final = 2**14
"""A zero point is measured after `FIRST_AT` articles, whenever their number has doubled, and every `INTERVAL_MAX` articles."""
LANGUAGES_MAX: Final = 8
LANGUAGE_VALUES_MAX: Final = 12_288
"""So many languages of an edition have a zero point of their own, and so many numbers have these together: a checkpoint holds
them, and has to stay below 64 KiB."""
SHIFT_MIN: Final = 0.03
"""A new zero point less than this away from the old one is not worth comparing all stories anew."""
STORY_REPORTS_MAX: Final = 16
"""So many reports of a story tell its mean embedding well enough."""


@dataclass(frozen=True, slots=True)
class ZeroPoint:
    """What is subtracted from the embeddings of titles and leads, scaled by `SCALE`, shape (dimension,).

    `measured_at` is the number of articles that the edition had had by then, or of reports in this language that its comparable
    stories had. It is 0 for what follows from the calibration alone.
    """

    title: Vector
    lead: Vector
    measured_at: int = 0

    @property
    def next_at(self) -> int:
        """Return the number of articles of the edition at which to measure again."""
        return max(FIRST_AT, self.measured_at + min(self.measured_at, INTERVAL_MAX))

    @property
    def next_in_language_at(self) -> int:
        """Return the number of reports in the language at which to measure again.

        Sooner than for an edition: its prior is the zero point of other languages, and a language may begin at any time.
        """
        return self.measured_at + min(-(-self.measured_at // 4), INTERVAL_MAX)

    def state(self) -> ZeroPointState | None:
        """Return what a checkpoint keeps; None for what follows from the calibration."""
        if not self.measured_at:
            return None
        title, lead = encode_int16(self.title), encode_int16(self.lead)
        return ZeroPointState(title=title, lead=lead, measured_at=self.measured_at)

    @staticmethod
    def restored(state: ZeroPointState) -> ZeroPoint:
        """Return the zero point of a checkpoint."""
        return ZeroPoint(decode_int16(state.title), decode_int16(state.lead), state.measured_at)

    def has_moved(self, other: ZeroPoint) -> bool:
        """Return whether the other one is elsewhere."""
        return not (np.array_equal(self.title, other.title) and np.array_equal(self.lead, other.lead))

    def distance(self, other: ZeroPoint) -> float:
        """Return the larger of the distances between the two titles and the two leads; embeddings have length 1."""
        return max(_length(self.title, other.title), _length(self.lead, other.lead))


@dataclass(frozen=True, slots=True)
class ZeroPoints:
    """The zero point of an edition, and those of the languages that have one of their own."""

    edition: ZeroPoint
    by_language: Mapping[str, ZeroPoint]

    def of(self, language: str) -> ZeroPoint:
        """Return the zero point of articles in this language."""
        return self.by_language.get(language, self.edition)

    def has_room(self) -> bool:
        """Return whether another language may have a zero point of its own."""
        count = len(self.by_language)
        return count < LANGUAGES_MAX and (count + 1) * 2 * self.edition.lead.size <= LANGUAGE_VALUES_MAX

    def language_states(self) -> dict[str, ZeroPointState]:
        """Return what a checkpoint keeps of the languages."""
        states = {language: zero_point.state() for language, zero_point in sorted(self.by_language.items())}
        return {language: state for language, state in states.items() if state is not None}


class Sample(NamedTuple):
    """The mean embeddings of stories, each story counted once, shape (dimension,).

    `reports_by_terms` is how many reports without common terms would have as little in common as the sample's `reports` have.
    """

    title: Vector
    lead: Vector
    stories: int
    reports: int
    reports_by_terms: float


def initial_zero_points(calibration: Calibration) -> ZeroPoints:
    """Return the zero points of an edition without articles."""
    return ZeroPoints(zero_point_of(calibration), {})


def restored_zero_points(checkpoint: Checkpoint, calibration: Calibration) -> ZeroPoints:
    """Return the zero points of a checkpoint; those of the calibration if it has none."""
    state = checkpoint.zero_point
    edition = zero_point_of(calibration) if state is None else ZeroPoint.restored(state)
    by_language = {language: ZeroPoint.restored(state) for language, state in checkpoint.language_zero_points.items()}
    return ZeroPoints(edition, by_language)


def zero_point_of(calibration: Calibration, measured_at: int = 0) -> ZeroPoint:
    """Return the zero point that these mean embeddings have."""
    title, lead = _without_residual(calibration.title_mean), _without_residual(calibration.lead_mean)
    return ZeroPoint(title, lead, measured_at)


def mean_embeddings(stories: Iterable[Iterable[Membership]], calibration: Calibration) -> tuple[Vector, Vector]:
    """Return the mean embeddings of titles and leads over stories, given as their reports. Each story counts once."""
    title, lead = (np.zeros(calibration.dimension, dtype=np.int64) for _ in range(2))
    count = 0
    for reports in stories:
        chosen = list(reports)
        # Whole numbers: their sum does not depend on the order of stories.
        title += _mean([report.title_vector for report in chosen])
        lead += _mean([report.lead_vector for report in chosen])
        count += 1
    return _rounded(title / count), _rounded(lead / count)


def recalibrated(sample: Sample, prior: Calibration) -> Calibration:
    """Return the mean embeddings that follow from a sample and a prior: the encoder's calibration, or that of an edition."""
    independent = _independent(sample, prior)
    return replace(
        prior,
        title_mean=_estimate(sample.title, prior.title_mean, independent),
        lead_mean=_estimate(sample.lead, prior.lead_mean, independent),
    )


def _independent(sample: Sample, calibration: Calibration) -> float:
    """Return how many independent articles the sample is worth: its stories, or more if its terms differ.

    From a wrong zero point unrelated articles look alike and share a story, but not their terms. The reports of one event do not
    have all terms in common either: N of them are worth up to log2(N) by this measure. That is left out as far as the sample
    has the direction of the calibration, so that it may well be one event.
    """
    prior = calibration.lead_mean.astype(np.float64)
    squared = float(np.dot(prior, prior))
    fit = min(max(float(np.dot(prior, sample.lead)) / squared, 0.0), 1.0) if squared else 0.0
    return max(float(sample.stories), sample.reports_by_terms - fit * math.log2(sample.reports))


def _estimate(mean: Vector, prior: Vector, independent: float) -> Vector:
    """Return the estimate between the prior and the mean of a sample (the positive-part estimator of James and Stein 1961).

    A mean that is no further from the prior than chance explains tells nothing. One that is far from it replaces the prior, even
    if the sample is small: the edition is in another language.
    """
    moved = mean.astype(np.float64) - prior
    squared = float(np.dot(moved, moved)) / UNIT
    if not squared:
        return prior
    variance = 1 - float(np.dot(prior.astype(np.float64), prior)) / UNIT
    share = max(0.0, 1 - variance / (independent * squared))
    return _rounded(prior + share * moved)


def _without_residual(mean: Vector) -> Vector:
    squared = min(float(np.dot(mean.astype(np.float64), mean)) / UNIT, 1.0)
    # Embeddings have length 1, so 1 - `squared` is their variance.
    share = max(0.0, 1 - RESIDUAL * math.sqrt(1 - squared) / math.sqrt(squared)) if squared else 0.0
    return _rounded(share * mean.astype(np.float64))


def _mean(vectors: list[bytes]) -> npt.NDArray[np.int64]:
    rows = decode_int16(b"".join(vectors)).reshape(len(vectors), -1)
    mean: npt.NDArray[np.int64] = np.rint(rows.sum(axis=0, dtype=np.int64) / len(vectors)).astype(np.int64)
    return mean


def _rounded(values: ExactVector) -> Vector:
    rounded: Vector = np.rint(values).astype(np.int16)
    return rounded


def _length(one: Vector, other: Vector) -> float:
    difference: ExactVector = one.astype(np.float64) - other
    return math.sqrt(float(np.dot(difference, difference))) / SCALE
