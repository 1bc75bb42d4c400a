"""The engine's rules once more, compiled, over the similarities of a stream's pairs: a search needs thousands of replays.

The rules of `core/gate.py` and `core/title_agreement.py`, and closed stories that take late articles, are missing.

Written from the rules instead of the core's code, in plain floating point; a test compares the two article by article. Only the
search uses it; the core scores the result. One file, because numba's cache does not notice changes in other files.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from evaluation.tuning.pairs import DAY, Integers, Pairs
from services.clusterer.core.parameters import Parameters

STORIES_MAX: Final = 2_500
"""Stories open at once. Parameters that need more make a story of nearly every article."""
NONE: Final = -1

Floats = npt.NDArray[np.float64]


class RuleParameters(NamedTuple):
    """The fields of `Parameters` of the same names as plain numbers, with times in days."""

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


class ReplayData(NamedTuple):
    """What a replay only reads. `scales` are 1 / sqrt(length correction), (articles,)."""

    pairs: Pairs
    scales: Floats
    rules: RuleParameters


class StorySlots(NamedTuple):
    """Open stories by slot. `similarities[slot, i]` is the sum of article i's similarities to the slot's reports.

    `times` sums the times of the reports; `firsts` and `lasts` are the earliest and the latest, `latest` includes copies.
    `squares` sums the similarities of all ordered pairs of reports, `own` those of each report with itself. `heads` starts the
    list of articles that `Assignments.next_articles` continues. `used`, (1,), is the number of slots that ever had a story.
    `singles`, (articles + 1,), is a count and so many articles after it: reports that may be alone in their story.
    """

    used: Integers
    singles: Integers
    is_open: npt.NDArray[np.bool_]
    numbers: Integers
    heads: Integers
    counts: Floats
    times: Floats
    firsts: Floats
    lasts: Floats
    latest: Floats
    squares: Floats
    own: Floats
    similarities: npt.NDArray[np.float32]


class Assignments(NamedTuple):
    """By article: its story's number and slot, the next article of the same story, and whether it is a copy."""

    stories: Integers
    slots: Integers
    next_articles: Integers
    is_copy: npt.NDArray[np.bool_]


def replay_compiled(
    pairs: Pairs, parameters: Parameters, order: Integers, *, slots_max: int = STORIES_MAX
) -> Integers | None:
    """Return each article's story, (articles,), after a replay in this order of indexes, (articles,), ascending by time.

    None if more than `slots_max` stories are open at once.
    """
    articles = pairs.times.size
    stories, assignments = _empty_slots(min(articles, slots_max), articles), _empty_assignments(articles)
    corrections = np.array([_length_correction(int(words), parameters) for words in pairs.words])
    data = ReplayData(pairs, 1 / np.sqrt(corrections), _rule_parameters(parameters))
    return assignments.stories if _replay(data, order, stories, assignments) else None


def _empty_slots(slots: int, articles: int) -> StorySlots:
    return StorySlots(
        used=np.zeros(1, dtype=np.int32),
        singles=np.zeros(articles + 1, dtype=np.int32),
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


def _empty_assignments(articles: int) -> Assignments:
    return Assignments(
        stories=np.full(articles, NONE, dtype=np.int32),
        slots=np.full(articles, NONE, dtype=np.int32),
        next_articles=np.full(articles, NONE, dtype=np.int32),
        is_copy=np.zeros(articles, dtype=np.bool_),
    )


def _rule_parameters(parameters: Parameters) -> RuleParameters:
    values = (getattr(parameters, name) for name in RuleParameters._fields)
    return RuleParameters(
        *(
            value / DAY if name in {"window", "decay", "second_look"} else value
            for name, value in zip(RuleParameters._fields, values, strict=True)
        )
    )


def _length_correction(words: int, parameters: Parameters) -> float:
    few, many, lowest = parameters.words_few, parameters.words_many, parameters.short_text_factor
    return lowest + (1 - lowest) * math.log(min(max(words, few), many) / few) / math.log(many / few)


@njit(cache=True, nogil=True)
def _replay(data: ReplayData, order: Integers, stories: StorySlots, assignments: Assignments) -> bool:
    values, ranked = np.zeros(stories.counts.size), np.zeros(stories.counts.size, dtype=np.int32)
    founded, now = 0, -np.inf
    for article in order:
        if data.pairs.times[article] > now:
            before, now = now, data.pairs.times[article]
            _close_stories(now - data.rules.window, stories)
            _run_second_looks(before, now, data, stories, assignments)
        original = _find_original(article, data.pairs, stories, assignments)
        if original != NONE:
            assignments.is_copy[article] = True
            _assign(article, assignments.slots[original], data.pairs, stories, assignments)
            continue
        count = _rank_stories(article, data, stories, values, ranked)
        joins = count > 0 and values[0] >= _joining_bar(
            values[: data.rules.background + 1], count, ranked[0], data, stories
        )
        slot = ranked[0] if joins else _open_story(founded, article, data.pairs, stories)
        if slot == NONE:
            return False
        founded += not joins
        _add_report(article, slot, data, stories)
        _assign(article, slot, data.pairs, stories, assignments)
        if joins and count > 1:
            _merge_if_similar(slot, ranked[1], data.rules, stories, assignments)
    return True


@njit(cache=True, nogil=True)
def _close_stories(before: float, stories: StorySlots) -> None:
    for slot in range(stories.used[0]):
        if stories.is_open[slot] and stories.latest[slot] <= before:
            stories.is_open[slot] = False


@njit(cache=True, nogil=True)
def _run_second_looks(
    before: float, now: float, data: ReplayData, stories: StorySlots, assignments: Assignments
) -> None:
    """Compare each report that is alone in its story and due for a look with the other stories."""
    rules, kept = data.rules, 0
    values, ranked = np.zeros(stories.counts.size), np.zeros(stories.counts.size, dtype=np.int32)
    for index in range(1, stories.singles[0] + 1):
        article = stories.singles[index]
        slot, at = assignments.slots[article], data.pairs.times[article]
        is_current = stories.is_open[slot] and stories.numbers[slot] == assignments.stories[article]
        if not is_current or stories.counts[slot] > 1:
            continue
        if _looks_at_age(now - at, rules) > _looks_at_age(before - at, rules):
            stories.is_open[slot] = False
            count = _rank_stories(article, data, stories, values, ranked)
            stories.is_open[slot] = True
            if count > 0:
                bar = _joining_bar(values[: rules.background + 1], count, ranked[0], data, stories)
                if stories.counts[ranked[0]] > 1:
                    bar -= rules.second_look_discount
                if values[0] >= bar:
                    _merge(slot, ranked[0], stories, assignments)
                    continue
        kept += 1
        stories.singles[kept] = article
    stories.singles[0] = kept


@njit(cache=True, nogil=True)
def _looks_at_age(age: float, rules: RuleParameters) -> int:
    """Return the number of second looks that a single report has had at this age in days."""
    looks = 0
    while age >= rules.second_look:
        looks, age = looks + 1, age / 2
    return looks


@njit(cache=True, nogil=True)
def _find_original(article: int, pairs: Pairs, stories: StorySlots, assignments: Assignments) -> int:
    best, highest = NONE, np.float32(0)
    for index in range(pairs.copy_starts[article], pairs.copy_starts[article + 1]):
        other = pairs.copies[index]
        slot = assignments.slots[other]
        is_current = slot != NONE and stories.is_open[slot] and stories.numbers[slot] == assignments.stories[other]
        if is_current and pairs.jaccards[index] > highest:
            best, highest = other, pairs.jaccards[index]
    return best


@njit(cache=True, nogil=True)
def _rank_stories(article: int, data: ReplayData, stories: StorySlots, values: Floats, ranked: Integers) -> int:
    """Score the open stories into `values` and their slots into `ranked`, the best few first, and return their number."""
    rules = data.rules
    at, count = data.pairs.times[article], 0
    length = math.sqrt(_similarity(article, article, data.pairs, rules))
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
    for index in range(min(rules.background + 1, count)):
        best = index
        for other in range(index + 1, count):
            if values[other] > values[best]:
                best = other
        values[index], values[best] = values[best], values[index]
        ranked[index], ranked[best] = ranked[best], ranked[index]
    return count


@njit(cache=True, nogil=True)
def _similarity(article: int, other: int, pairs: Pairs, rules: RuleParameters) -> float:
    """Return the similarity of two articles, without the correction for short texts."""
    similarity: float = rules.lead_weight * pairs.lead[article, other]
    similarity += rules.title_weight * pairs.title[article, other]
    similarity += rules.terms_weight * pairs.terms[article, other]
    return similarity


@njit(cache=True, nogil=True)
def _joining_bar(values: Floats, count: int, best: int, data: ReplayData, stories: StorySlots) -> float:
    rules = data.rules
    behind = min(rules.background, count - 1)
    mean = values[1 : 1 + behind].mean() if behind else 0.0
    std = math.sqrt(((values[1 : 1 + behind] - mean) ** 2).mean()) if behind else 0.0
    size = 1 - 1 / math.sqrt(stories.counts[best])
    bar: float = rules.bar_base + rules.bar_mean * mean + rules.bar_std * std + rules.bar_size * size
    return bar


@njit(cache=True, nogil=True)
def _open_story(number: int, article: int, pairs: Pairs, stories: StorySlots) -> int:
    """Open a story in a free slot and return the slot; `NONE` if all are taken."""
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
    stories.singles[0] += 1
    stories.singles[stories.singles[0]] = article
    return slot


@njit(cache=True, nogil=True)
def _add_report(article: int, slot: int, data: ReplayData, stories: StorySlots) -> None:
    pairs, scales, rules = data.pairs, data.scales, data.rules
    own = _similarity(article, article, pairs, rules) * scales[article] ** 2
    stories.squares[slot] += 2 * stories.similarities[slot, article] + own
    stories.own[slot] += own
    stories.counts[slot] += 1
    stories.times[slot] += pairs.times[article]
    stories.firsts[slot] = min(stories.firsts[slot], pairs.times[article])
    stories.lasts[slot] = max(stories.lasts[slot], pairs.times[article])
    for other in range(pairs.begins[article], pairs.ends[article]):
        similarity = _similarity(article, other, pairs, rules)
        stories.similarities[slot, other] += similarity * scales[article] * scales[other]


@njit(cache=True, nogil=True)
def _assign(article: int, slot: int, pairs: Pairs, stories: StorySlots, assignments: Assignments) -> None:
    stories.latest[slot] = max(stories.latest[slot], pairs.times[article])
    assignments.stories[article], assignments.slots[article] = stories.numbers[slot], slot
    assignments.next_articles[article] = stories.heads[slot]
    stories.heads[slot] = article


@njit(cache=True, nogil=True)
def _cohesion(slot: int, rules: RuleParameters, stories: StorySlots) -> float:
    count = stories.counts[slot]
    similar = max((stories.squares[slot] - stories.own[slot]) / 2, 0.0)
    prior = rules.cohesion_prior_pairs
    cohesion: float = (similar + prior * rules.cohesion_prior) / (count * (count - 1) / 2 + prior)
    return cohesion


@njit(cache=True, nogil=True)
def _cross_similarity(slot: int, other: int, stories: StorySlots, assignments: Assignments) -> float:
    total, article = 0.0, stories.heads[other]
    while article != NONE:
        if not assignments.is_copy[article]:
            total += stories.similarities[slot, article]
        article = assignments.next_articles[article]
    return total


@njit(cache=True, nogil=True)
def _merge_if_similar(
    slot: int, rival: int, rules: RuleParameters, stories: StorySlots, assignments: Assignments
) -> None:
    """Merge two stories if their similarity reaches the merge bar."""
    if stories.counts[rival] > stories.counts[slot]:
        slot, rival = rival, slot
    mean = _cross_similarity(slot, rival, stories, assignments) / (stories.counts[slot] * stories.counts[rival])
    tightness = math.sqrt(_cohesion(slot, rules, stories) * _cohesion(rival, rules, stories))
    distance = abs(stories.times[slot] / stories.counts[slot] - stories.times[rival] / stories.counts[rival])
    if 0.5 * mean / tightness * math.exp(-distance / rules.decay) >= rules.merge_bar:
        _merge(slot, rival, stories, assignments)


@njit(cache=True, nogil=True)
def _merge(slot: int, rival: int, stories: StorySlots, assignments: Assignments) -> None:
    """Merge the smaller story into the larger one."""
    if stories.counts[rival] > stories.counts[slot]:
        slot, rival = rival, slot
    stories.squares[slot] += stories.squares[rival] + 2 * _cross_similarity(slot, rival, stories, assignments)
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
        next_articles = assignments.next_articles[article]
        assignments.stories[article], assignments.slots[article] = stories.numbers[slot], slot
        assignments.next_articles[article] = stories.heads[slot]
        stories.heads[slot] = article
        article = next_articles
