"""Everything the decisions depend on."""

from __future__ import annotations

from datetime import timedelta

import msgspec


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration for every stream. Similarities are cosines, from -1 to 1."""

    window: timedelta = timedelta(days=7)
    """A story silent for this long, in event time, closes. A news story rarely pauses for a week and goes on."""

    decay: timedelta = timedelta(days=6)
    """The time over which the score of a silent story falls to 1/e."""

    join_bar: float = 0.53
    """The score (similarity x time decay) an article must reach to join a story; below, it founds one."""

    merge_bar: float = 0.8
    """The similarity x time decay at which two stories that compete for an article become one."""

    candidates: int = 64
    """How many stories the index proposes for the exact score."""

    copy_jaccard: float = 0.5
    """Share of common word 3-grams from which an article repeats another one's text."""

    copy_shingles_min: int = 8
    """Texts with fewer 3-grams are never taken for copies: short headlines coincide by chance."""

    related_every: timedelta = timedelta(days=1)
    """Related stories are looked for whenever event time passes a multiple of this."""

    retention: timedelta = timedelta(days=365)
    """How long after its last change a closed or merged story stays known."""
