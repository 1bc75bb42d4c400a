"""Agreement of two clusterings of the same articles. Pure; labels are compared for equality only.

`gold` and `found` are the labels of the same articles in the same order; every figure is 1 for a perfect clustering.
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
    """How well found stories agree with gold ones; AMI and ARI are 0 for chance."""

    b3: PrecisionRecall
    ami: float
    ari: float
    pairwise: PrecisionRecall


def agreement(gold: Labels, found: Labels) -> Agreement:
    """Every measure of agreement; raises ValueError without labels or for sequences of different lengths."""
    return Agreement(
        b3=b_cubed(gold, found), ami=ami(gold, found), ari=ari(gold, found), pairwise=pairwise(gold, found)
    )


def b_cubed(gold: Labels, found: Labels) -> PrecisionRecall:
    """B-cubed: for each article the share of its found story that is of its gold story, averaged over articles; recall likewise.

    F1 is of the two averages. Source: Bagga and Baldwin 1998; each article weighs the same.
    """
    cells, golds, founds = _contingency(gold, found)
    # In exact fractions, so that a perfect clustering has 1 and not nearly 1.
    precision = sum((Fraction(n * n, founds[label]) for (_, label), n in cells.items()), Fraction())
    recall = sum((Fraction(n * n, golds[story]) for (story, _), n in cells.items()), Fraction())
    return _balanced(precision / len(gold), recall / len(gold))


def pairwise(gold: Labels, found: Labels) -> PrecisionRecall:
    """Over pairs of articles: found together and rightly so. Where there is no pair to be wrong about, the share is 1."""
    cells, golds, founds = _contingency(gold, found)
    right, wanted, claimed = (_pairs(counts.values()) for counts in (cells, golds, founds))
    precision = Fraction(right, claimed) if claimed else Fraction(1)
    recall = Fraction(right, wanted) if wanted else Fraction(1)
    return _balanced(precision, recall)


def ari(gold: Labels, found: Labels) -> float:
    """The adjusted Rand index. Source: Hubert and Arabie 1985."""
    cells, golds, founds = _contingency(gold, found)
    right, wanted, claimed = (_pairs(counts.values()) for counts in (cells, golds, founds))
    pairs = comb(len(gold), 2)
    expected = Fraction(wanted * claimed, pairs) if pairs else Fraction(0)
    most = Fraction(wanted + claimed, 2)
    # Both all alone, or both all together: they agree, and chance could not do otherwise.
    return float((right - expected) / (most - expected)) if most != expected else 1.0


def ami(gold: Labels, found: Labels) -> float:
    """Adjusted mutual information, normalized by the arithmetic mean. Source: Vinh, Epps, Bailey 2010; by scikit-learn."""
    _contingency(gold, found)
    return float(adjusted_mutual_info_score(_numbered(gold), _numbered(found)))


def duplicate_rate(gold: Labels, found: Labels) -> float:
    """The share of gold stories of two or more articles whose majority lies in more than one found story.

    That is: no single found story holds more than half of the gold story's articles. 0 where no gold story has two.
    """
    cells, golds, _ = _contingency(gold, found)
    largest: Counter[Hashable] = Counter()
    for (story, _), n in cells.items():
        largest[story] = max(largest[story], n)
    several = [story for story, n in golds.items() if n > 1]
    return sum(2 * largest[story] <= golds[story] for story in several) / len(several) if several else 0.0


def largest_share(found: Labels) -> float:
    """The share of the articles that the largest found story holds."""
    return max(Counter(found).values()) / len(found)


def largest_ratio(gold: Labels, found: Labels) -> float:
    """The size of the largest found story over that of the largest gold story."""
    return max(Counter(found).values()) / max(Counter(gold).values())


def _contingency(
    gold: Labels, found: Labels
) -> tuple[Counter[tuple[Hashable, Hashable]], Counter[Hashable], Counter[Hashable]]:
    if len(gold) != len(found):
        raise ValueError(f"{len(gold)} gold labels, but {len(found)} found ones")
    if not gold:
        raise ValueError("no labels: there is nothing to compare")
    return Counter(zip(gold, found, strict=True)), Counter(gold), Counter(found)


def _balanced(precision: Fraction, recall: Fraction) -> PrecisionRecall:
    both = precision + recall
    f1 = 2 * precision * recall / both if both else Fraction(0)
    return PrecisionRecall(precision=float(precision), recall=float(recall), f1=float(f1))


def _pairs(counts: Iterable[int]) -> int:
    return sum(comb(n, 2) for n in counts)


def _numbered(labels: Labels) -> list[int]:
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return [numbers[label] for label in labels]
