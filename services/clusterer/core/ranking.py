"""Rank the stories that an article may belong to, and compute the bar that the best one has to reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from newsloom.contracts.membership import Candidate, Decision, Verdict
from services.clusterer.core.fixed_point import UNIT, ExactVector
from services.clusterer.core.index import Products
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.space import MILLISECOND, Slots, StorySpace

RANKED_MAX: Final = 16
"""More scores than the background needs."""
CANDIDATES_KEPT_MAX: Final = 5
"""Number of candidates stored with a decision."""


class StoryScore(NamedTuple):
    """The score of an article for a story, with the factors it is computed from."""

    value: float
    story_id: str
    slot: int
    centroid: float
    mean: float
    time: float


class Bar(NamedTuple):
    """The threshold for the best score, with the background it follows from."""

    value: float
    background_mean: float
    background_std: float
    background_count: int
    rank: int
    """The rank of the score that has to reach it: evidence keeps the article out of the stories with higher scores."""


class Candidates(NamedTuple):
    """Stories to score exactly: their slots, report counts and decay over time."""

    slots: Slots
    counts: Slots
    times: npt.NDArray[np.float64]


def rank_stories(
    vector: ExactVector,
    at: int,
    words_correction: float,
    space: StorySpace,
    parameters: Parameters,
    *,
    with_closed: bool = False,
) -> list[StoryScore]:
    """Return the exact scores of the `RANKED_MAX` best stories within the window, best first, the lower id first on a tie.

    `vector` has shape (layout.size,), `at` is Unix time in milliseconds, `words_correction` the article's length correction.
    Closed stories are among them only `with_closed`.
    """
    candidates = _candidates(vector, at, space, parameters, with_closed=with_closed)
    return _score(candidates, vector, words_correction, space, parameters)


def rank_earlier_stories(
    vector: ExactVector, at: int, words_correction: float, space: StorySpace, parameters: Parameters
) -> list[StoryScore]:
    """Return the exact scores, without decay, of the best closed stories that ended a window before `at` or earlier."""
    are_earlier = space.ended_before(at - parameters.window // MILLISECOND)
    slots, nearness = space.nearest_closed(vector, parameters.scored, are_earlier)
    counts, *_ = space.extents(slots)
    return _score(
        _best(slots, counts, np.ones(slots.size), nearness, parameters), vector, words_correction, space, parameters
    )


def _score(
    candidates: Candidates, vector: ExactVector, words_correction: float, space: StorySpace, parameters: Parameters
) -> list[StoryScore]:
    slots, counts, times = candidates
    if not slots.size:
        return []
    totals = space.similarities(vector, slots)
    means = totals / counts
    own_length = math.sqrt(float(np.dot(vector, vector)) / UNIT)
    centroids = totals / (space.lengths.take(slots) * (own_length * math.sqrt(words_correction)))
    share = parameters.centroid_share
    values = (share * centroids + (1 - share) * means) * times
    chosen = slots.tolist()
    ids = [space.stories[slot] for slot in chosen]
    scores = map(StoryScore, values.tolist(), ids, chosen, centroids.tolist(), means.tolist(), times.tolist())
    return sorted(scores, key=_rank)[:RANKED_MAX]


def _rank(score: StoryScore) -> tuple[float, str]:
    return -score.value, score.story_id


def _candidates(
    vector: ExactVector, at: int, space: StorySpace, parameters: Parameters, *, with_closed: bool
) -> Candidates:
    window = parameters.window // MILLISECOND
    are_in_time = space.within(at - window, at + window)
    slots, nearness = space.nearest_open(vector, parameters.candidates, are_in_time)
    if with_closed:
        closed, nearness_of_closed = space.nearest_closed(vector, parameters.candidates, are_in_time)
        slots, nearness = np.concatenate((slots, closed)), np.concatenate((nearness, nearness_of_closed))
    counts, sums, firsts, lasts = space.extents(slots)
    gaps = np.maximum(np.maximum(firsts - at, at - lasts), 0)
    times = _decay(gaps, at - sums / counts, parameters)
    return _best(slots, counts, times, nearness, parameters)


def _best(
    slots: Slots, counts: Slots, times: npt.NDArray[np.float64], nearness: Products, parameters: Parameters
) -> Candidates:
    """Return the best of these stories, `scored` of them, by the product of nearness and time decay."""
    worth = nearness * times
    last = np.partition(worth, -parameters.scored)[-parameters.scored] if slots.size > parameters.scored else -np.inf
    # Include all that tie with the last one, so that the result does not depend on the order of slots.
    chosen = worth >= last
    return Candidates(slots[chosen], counts[chosen], times[chosen])


def _decay(
    gaps: npt.NDArray[np.int64], distances: npt.NDArray[np.float64], parameters: Parameters
) -> npt.NDArray[np.float64]:
    """Return exp(-time / decay), averaged over the distances to a story's time span and to its mean time."""
    unit = parameters.decay / MILLISECOND
    share = parameters.span_share
    found: npt.NDArray[np.float64] = share * np.exp(gaps / -unit) + (1 - share) * np.exp(np.abs(distances) / -unit)
    return found


def joining_bar(scores: Sequence[StoryScore], space: StorySpace, parameters: Parameters, *, rank: int = 0) -> Bar:
    """Return the bar that the score of this rank has to reach. All others are its background, however high they are.

    The bar adapts to each article, without labels: where many other stories come close, the best one has to be much closer.
    """
    background = [score.value for score in (*scores[:rank], *scores[rank + 1 :])][: parameters.background]
    mean = math.fsum(background) / len(background) if background else 0.0
    squares = math.fsum((value - mean) ** 2 for value in background)
    std = math.sqrt(squares / len(background)) if background else 0.0
    slot = scores[rank].slot
    size = 1 - 1 / math.sqrt(float(space.counts[slot]))
    value = parameters.bar_base + parameters.bar_mean * mean + parameters.bar_std * std + parameters.bar_size * size
    value += missing_cohesion(slot, space, parameters)
    return Bar(value, mean, std, len(background), rank)


def missing_cohesion(slot: int, space: StorySpace, parameters: Parameters) -> float:
    """Return what the cohesion of the slot's story lacks; 0 if it is not loose, or has too few reports to tell."""
    if space.counts[slot] < parameters.loose_reports_min:
        return 0.0
    return max(0.0, parameters.loose_below - space.cohesion(slot))


def build_decision(
    verdict: Verdict, scores: Sequence[StoryScore], bar: Bar | None, vector: ExactVector, space: StorySpace
) -> Decision:
    """Build the decision to store with a membership: the best candidates, and the bar if there was one."""
    candidates = build_candidates(scores[:CANDIDATES_KEPT_MAX], vector, space)
    if bar is None:
        return Decision(verdict=verdict, candidates=candidates)
    return Decision(
        verdict=verdict,
        bar=bar.value,
        background_mean=bar.background_mean,
        background_std=bar.background_std,
        background_count=bar.background_count,
        candidates=candidates,
        kept_out=bar.rank,
    )


def build_candidates(scores: Sequence[StoryScore], vector: ExactVector, space: StorySpace) -> tuple[Candidate, ...]:
    """Build the candidates for these scores, with the similarity of each component."""
    slots = np.array([score.slot for score in scores], dtype=np.int64)
    rows, unit = space.vectors(slots), UNIT * space.counts[slots]
    lead, title, terms = (
        (rows[:, part] @ vector[part] / unit).tolist()
        for part in (space.layout.lead, space.layout.title, space.layout.terms)
    )
    return tuple(
        Candidate(
            story_id=score.story_id,
            score=score.value,
            centroid=score.centroid,
            mean=score.mean,
            title=title[index],
            lead=lead[index],
            terms=terms[index],
            time=score.time,
        )
        for index, score in enumerate(scores)
    )
