"""Which counts of two groups of reports differ by more than chance explains."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import comb
from typing import Final

LEVEL: Final = Fraction(1, 20)
"""The share of stories in which shuffled leanings may mark any statement."""


@lru_cache(maxsize=16_384)
def tail(here: int, side: int, saying: int, reports: int) -> Fraction:
    """Return the chance that at least `here` of a side's reports say so, if `saying` of all reports do, drawn at random.

    This is Fisher's exact test, one-sided; as a fraction, so that it is the same on every machine.
    """
    most = min(side, saying)
    ways = sum(comb(side, count) * comb(reports - side, saying - count) for count in range(here, most + 1))
    return Fraction(ways, comb(reports, saying))


def bar(tests: Iterable[tuple[int, int, int]]) -> Fraction:
    """Return the tail from which a statement is particular, for tests of (side, saying, reports).

    Of all tests together at most `LEVEL` of stories pass one by chance. Tests that could not pass with any counts are not
    counted (Tarone 1990, A modified Bonferroni method for discrete data).
    """
    least = sorted(tail(min(side, saying), side, saying, reports) for side, saying, reports in tests)
    divisor = 1
    while bisect_right(least, LEVEL / divisor) > divisor:
        divisor += 1
    return LEVEL / divisor
