"""The story space: exact sums by slot, independent of the order of reports."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.fixed_point import SCALE, UNIT, ExactVector
from services.clusterer.core.space import StorySpace, folded_dimension

DIMENSION = 8
Report = tuple[int, int]
"""The seed of a vector, and a publication time."""
reports = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 10**9)), min_size=1, max_size=8)


def vector(seed: int) -> ExactVector:
    size = StorySpace(DIMENSION).layout.size
    whole: ExactVector = np.rint(SCALE * np.random.default_rng(seed).normal(size=size) / np.sqrt(size))
    return whole


def space_of(*stories: list[Report]) -> StorySpace:
    """Build a space with one slot per story, numbered from 0."""
    space = StorySpace(DIMENSION)
    for number, members in enumerate(stories):
        slot = space.open(f"st-{number}")
        assert slot == number
        for seed, at in members:
            space.add(slot, vector(seed), at)
    return space


def content(space: StorySpace, slot: int) -> tuple[object, ...]:
    extents = (space.counts, space.times, space.firsts, space.lasts, space.squares, space.lengths)
    return space.sums[slot].tobytes(), *(column[slot] for column in extents)


@given(reports, st.randoms(use_true_random=False))
def test_any_order_and_filling_at_once_give_the_same_bits(members: list[Report], random: Random) -> None:
    expected = content(space_of(members), 0)
    assert content(space_of(random.sample(members, len(members))), 0) == expected
    filled = space_of([])
    filled.fill(0, [vector(seed) for seed, _ in members], [at for _, at in members])
    assert content(filled, 0) == expected


@given(reports, st.integers(100, 199))
def test_other_embeddings_give_the_bits_of_other_reports(members: list[Report], other: int) -> None:
    space, expected = space_of(members), space_of([])
    old = np.stack([vector(seed) for seed, _ in members])
    new = old.copy()
    new[:, space.layout.embeddings] = vector(other)[space.layout.embeddings]
    space.replace_embeddings(0, old[:, space.layout.embeddings], new[:, space.layout.embeddings])
    expected.fill(0, list(new), [at for _, at in members])
    assert content(space, 0) == content(expected, 0)


@given(reports, reports)
def test_removing_undoes_adding(members: list[Report], removed: list[Report]) -> None:
    space = space_of([*members, *removed])
    remaining = [*members, *removed]
    for report in removed:
        remaining.remove(report)
        space.remove(0, vector(report[0]), report[1], [at for _, at in remaining])
    assert content(space, 0) == content(space_of(members), 0)


@given(reports, reports)
def test_absorbing_adds_the_reports_of_the_other_slot_and_frees_it(one: list[Report], other: list[Report]) -> None:
    space = space_of(one, other)
    space.absorb(0, 1)
    assert content(space, 0) == content(space_of([*one, *other]), 0)
    assert not space.sums[1].any()
    assert space.open("st-2") == 1


@given(reports, reports)
def test_means_are_those_of_all_pairs(one: list[Report], other: list[Report]) -> None:
    space = space_of(one, other)
    across = [vector(a) @ vector(b) / UNIT for a, _ in one for b, _ in other]
    within = [vector(a) @ vector(b) / UNIT for n, (a, _) in enumerate(one) for b, _ in one[:n]]
    assert np.isclose(space.cross_mean(0, 1), np.mean(across))
    assert np.isclose(space.pair_sum(0), sum(within), atol=1e-9)


def test_the_space_of_one_story_is_small_and_grows() -> None:
    """Producers may name any number of editions, so a small edition must take little memory."""
    space = StorySpace(384)
    slots = [space.open("st-0")]
    assert space.sums.nbytes < 2**18
    slots += [space.open(f"st-{number}") for number in range(1, 1_000)]
    assert sorted(slots) == list(range(1_000))
    assert len(space.sums) < 2_000


def test_large_dimensions_are_folded_to_512_or_less_where_they_can_be_halved() -> None:
    assert [folded_dimension(dimension) for dimension in (8, 384, 512, 768, 1_536, 4_096, 1_023)] == [
        8,
        384,
        512,
        384,
        384,
        512,
        1_023,
    ]
