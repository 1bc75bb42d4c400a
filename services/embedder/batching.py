"""Which texts share a forward pass. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

TOKENS_PER_PASS: Final = 256
"""Padded tokens of one pass. A full article fills it alone; headlines, which leave a core idle one by one, go 16 at a time."""

LENGTH_STEP: Final = 16
"""Lengths are padded up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward pass over a (rows, length) array: the texts at `members` in its first rows, padding in the others."""

    members: tuple[int, ...]
    rows: int
    length: int


def plan(lengths: Sequence[int], *, tokens_max: int = TOKENS_PER_PASS, step: int = LENGTH_STEP) -> list[Pass]:
    """Passes that hold every text of these token lengths once, the dearest first, each of at most `tokens_max` padded tokens.

    A pass with room left is filled up with padding, not with other shapes: floating-point kernels round differently for
    other shapes, and a text's vector must not depend on its company. Here the shape follows from the text's own length.
    A text longer than `tokens_max` has a pass of its own.
    """
    padded = [-(-max(length, 1) // step) * step for length in lengths]
    order = sorted(range(len(lengths)), key=lambda index: -padded[index])
    passes = []
    for length, group in groupby(order, key=lambda index: padded[index]):
        members, rows = list(group), max(1, tokens_max // length)
        passes += [Pass(tuple(members[start : start + rows]), rows, length) for start in range(0, len(members), rows)]
    return passes
