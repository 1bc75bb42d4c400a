"""The compiled rules and the core are written independently and must find the same stories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

import msgspec
import numpy as np
import pytest

from evaluation.replays.replay import Replay, replay
from evaluation.scores.metrics import b_cubed
from evaluation.scores.stream_scores import found_labels
from evaluation.tuning.compiled_rules import replay_compiled
from evaluation.tuning.compiled_stream import compile_stream
from evaluation.tuning.pairs import Integers, Pairs, build_pairs
from newsloom.contracts.story import UpdateKind
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.random_stream import random_stream

EXACT = Parameters(candidates=1_000, scored=1_000)
"""Shipped values without the index: the compiled rules have none, and stories that it misses change a bar here and there."""
BROAD = msgspec.structs.replace(EXACT, bar_base=0.1, merge_bar=0.22)
PATIENT = msgspec.structs.replace(EXACT, bar_base=0.28, second_look_discount=0.2, merge_bar=9.0)
MOMENTS = 24
"""Ten articles share each publication time, so that orders differ."""


def assert_same_stories(core: Sequence[str], found: Integers | None) -> None:
    assert found is not None
    # One to one: as many pairs of labels as labels of either.
    assert len(set(zip(core, found.tolist(), strict=True))) == len(set(core)) == len(set(found.tolist()))


def assert_every_rule_applies(core: Sequence[str], outcome: Replay, parameters: Parameters) -> None:
    """Expect stories of one and of many articles, and merges."""
    sizes = Counter(core).values()
    assert min(sizes) == 1
    assert max(sizes) > 4
    if parameters is not EXACT:
        assert outcome.moved[UpdateKind.MERGED]


@pytest.mark.parametrize("parameters", [EXACT, BROAD, PATIENT])
@pytest.mark.parametrize("seed", [1, 3, 4])
def test_the_same_stories_article_by_article(seed: int, parameters: Parameters) -> None:
    stream = random_stream(seed)
    outcome = replay(stream.events, parameters)
    core = found_labels(stream.gold, outcome.final)
    assert_same_stories(core, compile_stream(stream).replay(parameters, seed=0))
    assert_every_rule_applies(core, outcome, parameters)


@pytest.mark.parametrize("parameters", [EXACT, BROAD, PATIENT])
@pytest.mark.parametrize("seed", [1, 3, 4])
def test_the_same_stories_in_a_shuffled_order(seed: int, parameters: Parameters) -> None:
    stream = random_stream(seed, moments=MOMENTS)
    order = compile_stream(stream).order(seed=1)
    shuffled = [stream.events[index] for index in order]
    outcome = replay(shuffled, parameters)
    core = found_labels(stream.gold, outcome.final)
    pairs = with_own_indexes(build_pairs(shuffled), order)
    assert not np.array_equal(order, np.arange(order.size))
    assert_same_stories(core, replay_compiled(pairs, parameters, order))
    assert_every_rule_applies(core, outcome, parameters)


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_shuffled_orders_as_tuned_on_score_as_in_the_core(seed: int) -> None:
    """The search keeps the features of the stream's own order, where the core takes those of the shuffled order."""
    stream = random_stream(seed, moments=MOMENTS)
    compiled = compile_stream(stream)
    differences = []
    for order_seed in range(1, 5):
        events = [stream.events[index] for index in compiled.order(order_seed)]
        core = found_labels(stream.gold, replay(events, EXACT).final)
        differences.append(compiled.f1(EXACT, order_seed) - b_cubed(stream.gold.stories, core).f1)
    assert abs(fmean(differences)) < 0.002
    assert max(map(abs, differences)) < 0.01


def with_own_indexes(pairs: Pairs, order: Integers) -> Pairs:
    """Return the pairs of a shuffled stream by the articles' indexes before the shuffle."""
    inverse = np.argsort(order)
    grid = np.ix_(inverse, inverse)
    slices = [slice(pairs.copy_starts[index], pairs.copy_starts[index + 1]) for index in inverse]
    copies = [order[pairs.copies[one]] for one in slices]
    assert np.array_equal(pairs.times, pairs.times[inverse])
    return pairs._replace(
        words=pairs.words[inverse],
        lead=pairs.lead[grid],
        title=pairs.title[grid],
        terms=pairs.terms[grid],
        copy_starts=np.cumsum([0, *map(len, copies)]).astype(np.int32),
        copies=np.concatenate(copies),
        jaccards=np.concatenate([pairs.jaccards[one] for one in slices]),
    )


def test_too_many_open_stories_give_no_result() -> None:
    stream = random_stream(1, articles=60)
    alone = msgspec.structs.replace(EXACT, bar_base=9.0)
    pairs = build_pairs(stream.events)
    assert replay_compiled(pairs, alone, np.arange(60, dtype=np.int32), slots_max=20) is None
