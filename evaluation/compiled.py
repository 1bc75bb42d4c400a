"""The engine's decisions over the pairs of a stream, compiled: thousands of replays in the time of a few.

Written again from the rules and not from the core's code, in plain floating point: what the two agree on (a test holds them
together) is what the rules say. Nothing is published from here; what a search finds is scored by the core.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from evaluation.pairs import DAY, Numbers, Pairs
from services.clusterer.core.parameters import Parameters

STORIES_MAX: Final = 2_500
"""Open at once. Parameters that need more found a story for nearly every article."""
NONE: Final = -1

Floats = npt.NDArray[np.float64]


class Rules(NamedTuple):
    """The parameters as plain numbers, times in days; the fields of `Parameters` say what they mean."""

    window: float
    lead_weight: float
    title_weight: float
    terms_weight: float
    centroid_share: float
    span_share: float
    decay: float
    background: int
    bar_base: float
    bar_mean: float
    bar_std: float
    bar_size: float
    bar_crowd: float
    crowd_prior: float
    merge_bar: float
    cohesion_prior: float
    cohesion_prior_pairs: float


class Stories(NamedTuple):
    """Open stories by slot. `similarities[slot, i]` is article i's similarity to the slot's reports, summed over them.

    `firsts` and `lasts` are of reports, `latest` of copies as well.
    """

    is_open: npt.NDArray[np.bool_]
    numbers: Numbers
    heads: Numbers
    counts: Floats
    times: Floats
    firsts: Floats
    lasts: Floats
    latest: Floats
    squares: Floats
    own: Floats
    similarities: npt.NDArray[np.float32]


class Places(NamedTuple):
    """Where each article is: the story's number and slot; the next article of the same story; whether it is a copy."""

    stories: Numbers
    slots: Numbers
    following: Numbers
    is_copy: npt.NDArray[np.bool_]


def stories_of(
    pairs: Pairs, parameters: Parameters, order: Numbers, *, slots_max: int = STORIES_MAX
) -> Numbers | None:
    """The story of each article at the end of a replay in this order; None if more than `slots_max` were open at once.

    `order` is a permutation of the articles by time, (articles,).
    """
    articles = pairs.times.size
    slots = min(articles, slots_max)
    stories = Stories(
        np.zeros(slots, dtype=np.bool_),
        *(np.full(slots, NONE, dtype=np.int32) for _ in range(2)),
        *(np.zeros(slots) for _ in range(7)),
        np.zeros((slots, articles), dtype=np.float32),
    )
    places = Places(*(np.full(articles, NONE, dtype=np.int32) for _ in range(3)), np.zeros(articles, dtype=np.bool_))
    corrections = np.array([_correction(int(words), parameters) for words in pairs.words])
    fits = _replay(pairs, 1 / np.sqrt(corrections), _rules(parameters), order, stories, places)
    return places.stories if fits else None


def _rules(parameters: Parameters) -> Rules:
    values = (getattr(parameters, name) for name in Rules._fields)
    return Rules(*(value / DAY if name in {"window", "decay"} else value for name, value in zip(Rules._fields, values, strict=True)))


def _correction(words: int, parameters: Parameters) -> float:
    few, many, lowest = parameters.words_few, parameters.words_many, parameters.short_text_factor
    return lowest + (1 - lowest) * math.log(min(max(words, few), many) / few) / math.log(many / few)


@njit(cache=True, nogil=True)
def _replay(pairs: Pairs, scales: Floats, rules: Rules, order: Numbers, stories: Stories, places: Places) -> bool:
    slots_used, founded, now = 0, 0, -np.inf
    values, ranked = np.zeros(stories.counts.size), np.zeros(stories.counts.size, dtype=np.int32)
    for article in order:
        now = max(now, pairs.times[article])
        for slot in range(slots_used):
            if stories.is_open[slot] and stories.latest[slot] < now - rules.window:
                stories.is_open[slot] = False
        original = _original(article, pairs, stories, places)
        if original != NONE:
            places.is_copy[article] = True
            _put(article, places.slots[original], pairs, stories, places)
            continue
        count = _rank(article, pairs, scales, rules, stories, slots_used, values, ranked)
        slot = NONE
        if count and values[0] >= _bar(values, count, ranked[0], rules, stories, slots_used):
            slot = ranked[0]
        joined = slot != NONE
        if not joined:
            slot = _free(stories, slots_used)
            if slot == NONE:
                return False
            slots_used = max(slots_used, slot + 1)
            _found(slot, founded, article, pairs, stories)
            founded += 1
        _count_in(article, slot, pairs, scales, rules, stories)
        _put(article, slot, pairs, stories, places)
        if joined and count > 1:
            _merge(slot, ranked[1], rules, stories, places)
    return True


@njit(cache=True, nogil=True)
def _original(article: int, pairs: Pairs, stories: Stories, places: Places) -> int:
    best, highest = NONE, np.float32(0)
    for place in range(pairs.copy_starts[article], pairs.copy_starts[article + 1]):
        other = pairs.copies[place]
        slot = places.slots[other]
        is_there = slot != NONE and stories.is_open[slot] and stories.numbers[slot] == places.stories[other]
        if is_there and pairs.jaccards[place] > highest:
            best, highest = other, pairs.jaccards[place]
    return best


@njit(cache=True, nogil=True)
def _rank(
    article: int,
    pairs: Pairs,
    scales: Floats,
    rules: Rules,
    stories: Stories,
    slots_used: int,
    values: Floats,
    ranked: Numbers,
) -> int:
    """Score the open stories; the best few come first in `values` and `ranked`. Returns how many there are."""
    at, count = pairs.times[article], 0
    length = math.sqrt(_own(article, pairs, rules))
    for slot in range(slots_used):
        if not stories.is_open[slot]:
            continue
        total, reports = stories.similarities[slot, article], stories.counts[slot]
        centroid = total / (math.sqrt(max(stories.squares[slot], 1e-9)) * length)
        gap = max(at - stories.lasts[slot], stories.firsts[slot] - at, 0.0)
        distance = abs(at - stories.times[slot] / reports)
        decay = rules.span_share * math.exp(-gap / rules.decay)
        decay += (1 - rules.span_share) * math.exp(-distance / rules.decay)
        values[count] = (rules.centroid_share * centroid + (1 - rules.centroid_share) * total / reports) * decay
        ranked[count] = slot
        count += 1
    for place in range(min(rules.background + 1, count)):
        best = place
        for other in range(place + 1, count):
            if values[other] > values[best]:
                best = other
        values[place], values[best] = values[best], values[place]
        ranked[place], ranked[best] = ranked[best], ranked[place]
    return count


@njit(cache=True, nogil=True)
def _own(article: int, pairs: Pairs, rules: Rules) -> float:
    """The square of the article's length, without its length's correction."""
    return (
        rules.lead_weight * pairs.lead[article, article]
        + rules.title_weight * pairs.title[article, article]
        + rules.terms_weight * pairs.terms[article, article]
    )


@njit(cache=True, nogil=True)
def _bar(values: Floats, count: int, best: int, rules: Rules, stories: Stories, slots_used: int) -> float:
    behind = min(rules.background, count - 1)
    mean = values[1 : 1 + behind].mean() if behind else 0.0
    std = math.sqrt(((values[1 : 1 + behind] - mean) ** 2).mean()) if behind else 0.0
    reports = 0.0
    for slot in range(slots_used):
        if stories.is_open[slot]:
            reports += stories.counts[slot]
    own = stories.counts[best]
    bar = rules.bar_base + rules.bar_mean * mean + rules.bar_std * std + rules.bar_size * (1 - 1 / math.sqrt(own))
    return bar + rules.bar_crowd * own / (reports + rules.crowd_prior)


@njit(cache=True, nogil=True)
def _free(stories: Stories, slots_used: int) -> int:
    for slot in range(slots_used):
        if not stories.is_open[slot]:
            return slot
    return slots_used if slots_used < stories.counts.size else NONE


@njit(cache=True, nogil=True)
def _found(slot: int, number: int, article: int, pairs: Pairs, stories: Stories) -> None:
    stories.is_open[slot], stories.numbers[slot], stories.heads[slot] = True, number, NONE
    stories.counts[slot] = stories.times[slot] = stories.squares[slot] = stories.own[slot] = 0.0
    stories.firsts[slot] = stories.lasts[slot] = stories.latest[slot] = pairs.times[article]
    stories.similarities[slot] = 0


@njit(cache=True, nogil=True)
def _count_in(article: int, slot: int, pairs: Pairs, scales: Floats, rules: Rules, stories: Stories) -> None:
    own = _own(article, pairs, rules) * scales[article] ** 2
    stories.squares[slot] += 2 * stories.similarities[slot, article] + own
    stories.own[slot] += own
    stories.counts[slot] += 1
    stories.times[slot] += pairs.times[article]
    stories.firsts[slot] = min(stories.firsts[slot], pairs.times[article])
    stories.lasts[slot] = max(stories.lasts[slot], pairs.times[article])
    for other in range(pairs.begins[article], pairs.ends[article]):
        similarity = (
            rules.lead_weight * pairs.lead[article, other]
            + rules.title_weight * pairs.title[article, other]
            + rules.terms_weight * pairs.terms[article, other]
        )
        stories.similarities[slot, other] += similarity * scales[article] * scales[other]


@njit(cache=True, nogil=True)
def _put(article: int, slot: int, pairs: Pairs, stories: Stories, places: Places) -> None:
    stories.latest[slot] = max(stories.latest[slot], pairs.times[article])
    places.stories[article], places.slots[article] = stories.numbers[slot], slot
    places.following[article] = stories.heads[slot]
    stories.heads[slot] = article


@njit(cache=True, nogil=True)
def _cohesion(slot: int, rules: Rules, stories: Stories) -> float:
    count = stories.counts[slot]
    similar = max((stories.squares[slot] - stories.own[slot]) / 2, 0.0)
    prior = rules.cohesion_prior_pairs
    return (similar + prior * rules.cohesion_prior) / (count * (count - 1) / 2 + prior)


@njit(cache=True, nogil=True)
def _cross(slot: int, other: int, stories: Stories, places: Places) -> float:
    total, article = 0.0, stories.heads[other]
    while article != NONE:
        if not places.is_copy[article]:
            total += stories.similarities[slot, article]
        article = places.following[article]
    return total


@njit(cache=True, nogil=True)
def _merge(slot: int, rival: int, rules: Rules, stories: Stories, places: Places) -> None:
    """The smaller one becomes part of the larger one if they are one story."""
    if stories.counts[rival] > stories.counts[slot]:
        slot, rival = rival, slot
    cross = _cross(slot, rival, stories, places)
    mean = cross / (stories.counts[slot] * stories.counts[rival])
    tightness = math.sqrt(_cohesion(slot, rules, stories) * _cohesion(rival, rules, stories))
    distance = abs(stories.times[slot] / stories.counts[slot] - stories.times[rival] / stories.counts[rival])
    if 0.5 * mean / tightness * math.exp(-distance / rules.decay) < rules.merge_bar:
        return
    stories.squares[slot] += stories.squares[rival] + 2 * cross
    stories.own[slot] += stories.own[rival]
    stories.counts[slot] += stories.counts[rival]
    stories.times[slot] += stories.times[rival]
    stories.firsts[slot] = min(stories.firsts[slot], stories.firsts[rival])
    stories.lasts[slot] = max(stories.lasts[slot], stories.lasts[rival])
    stories.latest[slot] = max(stories.latest[slot], stories.latest[rival])
    stories.similarities[slot] += stories.similarities[rival]
    stories.is_open[rival] = False
    article = stories.heads[rival]
    while article != NONE:
        following = places.following[article]
        places.stories[article], places.slots[article] = stories.numbers[slot], slot
        places.following[article] = stories.heads[slot]
        stories.heads[slot] = article
        article = following
