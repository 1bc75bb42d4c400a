from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from evaluation.scores.metrics import (
    agreement,
    ami,
    ari,
    b_cubed,
    duplicate_rate,
    largest_ratio,
    largest_share,
    pairwise,
)

GOLD = ["a", "a", "a", "b", "b", "c"]
FOUND = [1, 1, 2, 2, 2, 3]

labellings = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30).map(
    lambda pairs: ([gold for gold, _ in pairs], [found for _, found in pairs])
)


def naive_b_cubed(gold: list[int], found: list[int]) -> tuple[float, float]:
    precisions, recalls = [], []
    for here in range(len(gold)):
        same_gold = {other for other in range(len(gold)) if gold[other] == gold[here]}
        same_found = {other for other in range(len(gold)) if found[other] == found[here]}
        precisions.append(len(same_gold & same_found) / len(same_found))
        recalls.append(len(same_gold & same_found) / len(same_gold))
    return sum(precisions) / len(gold), sum(recalls) / len(gold)


def test_b_cubed_by_hand() -> None:
    figures = b_cubed(GOLD, FOUND)
    # Articles 1 and 2: 2/2; 3: 1/3; 4 and 5: 2/3; 6: 1/1.
    assert figures.precision == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3 + 1) / 6)
    # 1 and 2: 2/3; 3: 1/3; 4, 5 and 6: 1.
    assert figures.recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1 + 1) / 6)
    assert figures.f1 == pytest.approx(2 * figures.precision * figures.recall / (figures.precision + figures.recall))


def test_pairs_by_hand() -> None:
    # Gold has 3 + 1 pairs, found has 1 + 3; both have (1, 2) and (4, 5).
    figures = pairwise(GOLD, FOUND)
    assert (figures.precision, figures.recall, figures.f1) == (0.5, 0.5, 0.5)


def test_ari_by_hand() -> None:
    # 2 common pairs; 4 * 4 / 15 are expected, 4 are the maximum.
    assert ari(GOLD, FOUND) == pytest.approx((2 - 16 / 15) / (4 - 16 / 15))


def test_floors_by_hand() -> None:
    alone = b_cubed(GOLD, range(6))
    assert (alone.precision, alone.recall) == (1.0, 0.5)
    together = b_cubed(GOLD, [0] * 6)
    assert together.precision == pytest.approx((9 + 4 + 1) / 36)
    assert together.recall == 1.0


def test_a_story_is_scattered_if_no_story_has_more_than_half_of_it() -> None:
    gold = ["a"] * 4 + ["b"] * 3 + ["c"] * 2 + ["d"]
    assert duplicate_rate(gold, [1, 1, 2, 3, 4, 4, 5, 6, 7, 8]) == pytest.approx(2 / 3)
    assert duplicate_rate(gold, [1, 1, 1, 3, 4, 4, 5, 6, 6, 8]) == 0.0
    assert duplicate_rate(["a", "b"], [1, 2]) == 0.0


def test_the_largest_story() -> None:
    assert largest_share(FOUND) == 0.5
    assert largest_ratio(["a", "a", "b", "b"], [1, 1, 1, 1]) == 2.0


def test_no_labels_and_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="no labels"):
        agreement([], [])
    with pytest.raises(ValueError, match="2 gold labels, but 1 found"):
        b_cubed([1, 2], [1])


@given(labellings)
def test_b_cubed_agrees_with_its_definition(labels: tuple[list[int], list[int]]) -> None:
    figures = b_cubed(*labels)
    assert (figures.precision, figures.recall) == pytest.approx(naive_b_cubed(*labels))


@given(labellings)
def test_ari_agrees_with_scikit_learn(labels: tuple[list[int], list[int]]) -> None:
    assert ari(*labels) == pytest.approx(adjusted_rand_score(*labels))


@given(labellings)
def test_names_of_labels_do_not_matter(labels: tuple[list[int], list[int]]) -> None:
    gold, found = labels
    other = agreement([f"story {label}" for label in gold], [-label for label in found])
    same = agreement(gold, found)
    assert (other.b3, other.pairwise, other.ari) == (same.b3, same.pairwise, same.ari)
    assert other.ami == pytest.approx(same.ami)


@given(labellings)
def test_a_perfect_clustering_scores_one(labels: tuple[list[int], list[int]]) -> None:
    gold, _ = labels
    perfect = agreement(gold, [label + 10 for label in gold])
    for figures in (perfect.b3, perfect.pairwise):
        assert (figures.precision, figures.recall, figures.f1) == (1.0, 1.0, 1.0)
    assert perfect.ari == 1.0
    assert perfect.ami == pytest.approx(1.0)
    assert duplicate_rate(gold, gold) == 0.0


@given(labellings)
def test_figures_are_bounded_and_symmetric(labels: tuple[list[int], list[int]]) -> None:
    gold, found = labels
    here, there = agreement(gold, found), agreement(found, gold)
    assert here.b3.precision == there.b3.recall
    assert here.pairwise.precision == there.pairwise.recall
    for figures in (here.b3, here.pairwise):
        assert (
            0.0 <= min(figures.precision, figures.recall) <= figures.f1 <= max(figures.precision, figures.recall) <= 1.0
        )
    assert here.ari <= 1.0
    assert ami(gold, found) <= 1.0 + 1e-9
    assert 0.0 <= duplicate_rate(gold, found) <= 1.0
