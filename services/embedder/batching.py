"""Group texts into forward passes of the model. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

TOKENS_PER_PASS: Final = 256
"""Padded tokens of one pass. One full-length article fills a pass; 16 headlines share one, as a single headline cannot keep
a core busy."""

PADDING_MULTIPLE: Final = 16
"""Token lengths are padded up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class ForwardPass:
    """One forward pass over a (rows, length) array. Its first rows are the texts at `text_indexes`, the others padding."""

    text_indexes: tuple[int, ...]
    rows: int
    length: int


def plan_passes(
    lengths: Sequence[int], *, tokens_max: int = TOKENS_PER_PASS, multiple: int = PADDING_MULTIPLE
) -> list[ForwardPass]:
    """Group texts of these token lengths into passes of at most `tokens_max` padded tokens, the longest texts first.

    Each text is in one pass; a text longer than `tokens_max` has a pass of its own. The shape of a pass depends on nothing
    but the padded length of its texts, and free rows are filled with padding: floating-point kernels round differently for
    other shapes, and the vector of a text must not depend on the other texts.
    """
    padded = [-(-max(length, 1) // multiple) * multiple for length in lengths]
    order = sorted(range(len(lengths)), key=lambda index: -padded[index])
    passes = []
    for length, group in groupby(order, key=lambda index: padded[index]):
        indexes, rows = list(group), max(1, tokens_max // length)
        chunks = (tuple(indexes[start : start + rows]) for start in range(0, len(indexes), rows))
        passes += [ForwardPass(chunk, rows, length) for chunk in chunks]
    return passes
