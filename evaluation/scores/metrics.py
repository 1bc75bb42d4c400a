"""Agreement of two clusterings of the same articles. Pure; labels are compared for equality only.

`gold` and `found` are the labels of the same articles in the same order. Every measure is 1 for a perfect clustering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction
from math import comb

import msgspec
from sklearn.metrics import adjusted_mutual_info_score

Labels = Sequence[Hashable]


class PrecisionRecall(msgspec.Struct, frozen=True, kw_only=True):
    """Precision, recall and their harmonic mean, from 0 to 1."""

    precision: float
    recall: float
    f1: float


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How well found stories agree with gold stories. AMI and ARI are 0 for chance."""

    b3: PrecisionRecall
    ami: float
    ari: float
    pairwise: PrecisionRecall


def agreement(gold: Labels, found: Labels) -> Agreement:
    """Return all measures of agreement; raises ValueError for no labels or for sequences of different lengths."""
    return Agreement(
        b3=b_cubed(gold, found), ami=ami(gold, found), ari=ari(gold, found), pairwise=pairwise(gold, found)
    )


def b_cubed(gold: Labels, found: Labels) -> PrecisionRecall:
    """Return B-cubed precision and recall, each averaged over articles with equal weights, and the F1 of the two averages.

    An article's precision is the share of its found story that belongs to its gold story; recall is the share of its gold story
    that is in its found story. Source: Bagga and Baldwin 1998.
    """
    cells, golds, founds = _contingency(gold, found)
    # Exact fractions: a perfect clustering must score 1, not nearly 1.
    precision = sum((Fraction(n * n, founds[label]) for (_, label), n in cells.items()), Fraction())
    recall = sum((Fraction(n * n, golds[story]) for (story, _), n in cells.items()), Fraction())
    return _with_f1(precision / len(gold), recall / len(gold))


def pairwise(gold: Labels, found: Labels) -> PrecisionRecall:
    """Return precision and recall over pairs of articles in one story. A share of no pairs is 1."""
    cells, golds, founds = _contingency(gold, found)
    common, in_gold, in_found = (_pairs(counts.values()) for counts in (cells, golds, founds))
    precision = Fraction(common, in_found) if in_found else Fraction(1)
    recall = Fraction(common, in_gold) if in_gold else Fraction(1)
    return _with_f1(precision, recall)


def ari(gold: Labels, found: Labels) -> float:
    """Return the adjusted Rand index. Source: Hubert and Arabie 1985."""
    cells, golds, founds = _contingency(gold, found)
    common, in_gold, in_found = (_pairs(counts.values()) for counts in (cells, golds, founds))
    pairs = comb(len(gold), 2)
    expected = Fraction(in_gold * in_found, pairs) if pairs else Fraction(0)
    highest = Fraction(in_gold + in_found, 2)
    # Equal only if both clusterings are all single articles, or both are one story: they agree.
    return float((common - expected) / (highest - expected)) if highest != expected else 1.0


def ami(gold: Labels, found: Labels) -> float:
    """Return adjusted mutual information, normalized by the arithmetic mean. Source: Vinh, Epps, Bailey 2010; by scikit-learn."""
    _contingency(gold, found)
    return float(adjusted_mutual_info_score(_numbered(gold), _numbered(found)))


def duplicate_rate(gold: Labels, found: Labels) -> float:
    """Return the share of scattered gold stories: no found story holds more than half of their articles.

    Gold stories of one article are not counted; without others the share is 0.
    """
    cells, golds, _ = _contingency(gold, found)
    largest: Counter[Hashable] = Counter()
    for (story, _), n in cells.items():
        largest[story] = max(largest[story], n)
    several = [story for story, n in golds.items() if n > 1]
    return sum(2 * largest[story] <= golds[story] for story in several) / len(several) if several else 0.0


def largest_share(found: Labels) -> float:
    """Return the share of the articles that the largest found story holds."""
    return max(Counter(found).values()) / len(found)


def largest_ratio(gold: Labels, found: Labels) -> float:
    """Return the size of the largest found story divided by that of the largest gold story."""
    return max(Counter(found).values()) / max(Counter(gold).values())


def _contingency(
    gold: Labels, found: Labels
) -> tuple[Counter[tuple[Hashable, Hashable]], Counter[Hashable], Counter[Hashable]]:
    if len(gold) != len(found):
        raise ValueError(f"{len(gold)} gold labels, but {len(found)} found ones")
    if not gold:
        raise ValueError("no labels to compare")
    return Counter(zip(gold, found, strict=True)), Counter(gold), Counter(found)


def _with_f1(precision: Fraction, recall: Fraction) -> PrecisionRecall:
    both = precision + recall
    f1 = 2 * precision * recall / both if both else Fraction(0)
    return PrecisionRecall(precision=float(precision), recall=float(recall), f1=float(f1))


def _pairs(counts: Iterable[int]) -> int:
    return sum(comb(n, 2) for n in counts)


def _numbered(labels: Labels) -> list[int]:
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return [numbers[label] for label in labels]
