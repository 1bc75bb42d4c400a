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

from evaluation.replays.pairs import DAY, Numbers, Pairs
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
    second_look: float
    second_look_discount: float
    merge_bar: float
    cohesion_prior: float
    cohesion_prior_pairs: float


class Course(NamedTuple):
    """What a replay does not change. `scales` are 1 / sqrt(length correction), (articles,)."""

    pairs: Pairs
    scales: Floats
    rules: Rules


class Stories(NamedTuple):
    """Open stories by slot. `similarities[slot, i]` is article i's similarity to the slot's reports, summed over them.

    `firsts` and `lasts` are of reports, `latest` of copies as well. `used`, (1,), is how many slots ever had a story. `lone`,
    (articles + 1,), holds a number and so many articles after it: those that founded a story, in order, but for some whose
    story has grown or closed.
    """

    used: Numbers
    lone: Numbers
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


def stories_of(pairs: Pairs, parameters: Parameters, order: Numbers, *, slots_max: int = STORIES_MAX) -> Numbers | None:
    """The story of each article at the end of a replay in this order; None if more than `slots_max` were open at once.

    `order` is a permutation of the articles by time, (articles,).
    """
    articles = pairs.times.size
    stories, places = _no_stories(min(articles, slots_max), articles), _no_places(articles)
    corrections = np.array([_correction(int(words), parameters) for words in pairs.words])
    course = Course(pairs, 1 / np.sqrt(corrections), _rules(parameters))
    return places.stories if _replay(course, order, stories, places) else None


def _no_stories(slots: int, articles: int) -> Stories:
    return Stories(
        used=np.zeros(1, dtype=np.int32),
        lone=np.zeros(articles + 1, dtype=np.int32),
        is_open=np.zeros(slots, dtype=np.bool_),
        numbers=np.full(slots, NONE, dtype=np.int32),
        heads=np.full(slots, NONE, dtype=np.int32),
        counts=np.zeros(slots),
        times=np.zeros(slots),
        firsts=np.zeros(slots),
        lasts=np.zeros(slots),
        latest=np.zeros(slots),
        squares=np.zeros(slots),
        own=np.zeros(slots),
        similarities=np.zeros((slots, articles), dtype=np.float32),
    )


def _no_places(articles: int) -> Places:
    return Places(
        stories=np.full(articles, NONE, dtype=np.int32),
        slots=np.full(articles, NONE, dtype=np.int32),
        following=np.full(articles, NONE, dtype=np.int32),
        is_copy=np.zeros(articles, dtype=np.bool_),
    )


def _rules(parameters: Parameters) -> Rules:
    values = (getattr(parameters, name) for name in Rules._fields)
    return Rules(
        *(
            value / DAY if name in {"window", "decay", "second_look"} else value
            for name, value in zip(Rules._fields, values, strict=True)
        )
    )


def _correction(words: int, parameters: Parameters) -> float:
    few, many, lowest = parameters.words_few, parameters.words_many, parameters.short_text_factor
    return lowest + (1 - lowest) * math.log(min(max(words, few), many) / few) / math.log(many / few)


@njit(cache=True, nogil=True)
def _replay(course: Course, order: Numbers, stories: Stories, places: Places) -> bool:
    values, ranked = np.zeros(stories.counts.size), np.zeros(stories.counts.size, dtype=np.int32)
    founded, now = 0, -np.inf
    for article in order:
        if course.pairs.times[article] > now:
            before, now = now, course.pairs.times[article]
            _close(now - course.rules.window, stories)
            _look_again(before, now, course, stories, places)
        original = _original(article, course.pairs, stories, places)
        if original != NONE:
            places.is_copy[article] = True
            _put(article, places.slots[original], course.pairs, stories, places)
            continue
        count = _rank(article, course, stories, values, ranked)
        joins = count > 0 and values[0] >= _bar(
            values[: course.rules.background + 1], count, ranked[0], course, stories
        )
        slot = ranked[0] if joins else _found(founded, article, course.pairs, stories)
        if slot == NONE:
            return False
        founded += not joins
        _count_in(article, slot, course, stories)
        _put(article, slot, course.pairs, stories, places)
        if joins and count > 1:
            _merge(slot, ranked[1], course.rules, stories, places)
    return True


@njit(cache=True, nogil=True)
def _close(before: float, stories: Stories) -> None:
    for slot in range(stories.used[0]):
        if stories.is_open[slot] and stories.latest[slot] <= before:
            stories.is_open[slot] = False


@njit(cache=True, nogil=True)
def _look_again(before: float, now: float, course: Course, stories: Stories, places: Places) -> None:
    """Compare the reports that are alone in their story, and due for it, with the other stories."""
    rules, kept = course.rules, 0
    values, ranked = np.zeros(stories.counts.size), np.zeros(stories.counts.size, dtype=np.int32)
    for place in range(1, stories.lone[0] + 1):
        article = stories.lone[place]
        slot, at = places.slots[article], course.pairs.times[article]
        is_there = stories.is_open[slot] and stories.numbers[slot] == places.stories[article]
        if not is_there or stories.counts[slot] > 1:
            continue
        if _looks(now - at, rules) > _looks(before - at, rules):
            stories.is_open[slot] = False
            count = _rank(article, course, stories, values, ranked)
            stories.is_open[slot] = True
            if count > 0:
                bar = _bar(values[: rules.background + 1], count, ranked[0], course, stories)
                if stories.counts[ranked[0]] > 1:
                    bar -= rules.second_look_discount
                if values[0] >= bar:
                    _absorb(slot, ranked[0], stories, places)
                    continue
        kept += 1
        stories.lone[kept] = article
    stories.lone[0] = kept


@njit(cache=True, nogil=True)
def _looks(age: float, rules: Rules) -> int:
    """How many looks a report of this age, in days, has had if it is alone."""
    looks = 0
    while age >= rules.second_look:
        looks, age = looks + 1, age / 2
    return looks


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
def _rank(article: int, course: Course, stories: Stories, values: Floats, ranked: Numbers) -> int:
    """Score the open stories; the best few come first in `values` and `ranked`. Returns how many there are."""
    rules = course.rules
    at, count = course.pairs.times[article], 0
    length = math.sqrt(_own(article, course.pairs, rules))
    for slot in range(stories.used[0]):
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
    own: float = rules.lead_weight * pairs.lead[article, article]
    own += rules.title_weight * pairs.title[article, article]
    own += rules.terms_weight * pairs.terms[article, article]
    return own


@njit(cache=True, nogil=True)
def _bar(values: Floats, count: int, best: int, course: Course, stories: Stories) -> float:
    rules = course.rules
    behind = min(rules.background, count - 1)
    mean = values[1 : 1 + behind].mean() if behind else 0.0
    std = math.sqrt(((values[1 : 1 + behind] - mean) ** 2).mean()) if behind else 0.0
    size = 1 - 1 / math.sqrt(stories.counts[best])
    bar: float = rules.bar_base + rules.bar_mean * mean + rules.bar_std * std + rules.bar_size * size
    return bar


@njit(cache=True, nogil=True)
def _found(number: int, article: int, pairs: Pairs, stories: Stories) -> int:
    """A slot for a new story of this article's time; `NONE` if all are taken."""
    slot = 0
    while slot < stories.used[0] and stories.is_open[slot]:
        slot += 1
    if slot == stories.counts.size:
        return NONE
    stories.used[0] = max(stories.used[0], slot + 1)
    stories.is_open[slot], stories.numbers[slot], stories.heads[slot] = True, number, NONE
    stories.counts[slot] = stories.times[slot] = stories.squares[slot] = stories.own[slot] = 0.0
    stories.firsts[slot] = stories.lasts[slot] = stories.latest[slot] = pairs.times[article]
    stories.similarities[slot] = 0
    stories.lone[0] += 1
    stories.lone[stories.lone[0]] = article
    return slot


@njit(cache=True, nogil=True)
def _count_in(article: int, slot: int, course: Course, stories: Stories) -> None:
    pairs, scales, rules = course.pairs, course.scales, course.rules
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
    cohesion: float = (similar + prior * rules.cohesion_prior) / (count * (count - 1) / 2 + prior)
    return cohesion


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
    """The two become one if they are one story."""
    if stories.counts[rival] > stories.counts[slot]:
        slot, rival = rival, slot
    mean = _cross(slot, rival, stories, places) / (stories.counts[slot] * stories.counts[rival])
    tightness = math.sqrt(_cohesion(slot, rules, stories) * _cohesion(rival, rules, stories))
    distance = abs(stories.times[slot] / stories.counts[slot] - stories.times[rival] / stories.counts[rival])
    if 0.5 * mean / tightness * math.exp(-distance / rules.decay) >= rules.merge_bar:
        _absorb(slot, rival, stories, places)


@njit(cache=True, nogil=True)
def _absorb(slot: int, rival: int, stories: Stories, places: Places) -> None:
    """The smaller one becomes part of the larger one."""
    if stories.counts[rival] > stories.counts[slot]:
        slot, rival = rival, slot
    stories.squares[slot] += stories.squares[rival] + 2 * _cross(slot, rival, stories, places)
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
