"""A story's history, bounded."""

from __future__ import annotations

import math

from newsloom.contracts.story import HISTORY_MAX, HistoryEntry


def extended(history: tuple[HistoryEntry, ...], entry: HistoryEntry) -> tuple[HistoryEntry, ...]:
    """The history with one more entry, thinned by the rule that `Story` states.

    Dropping the entry whose neighbours' counts are nearest in ratio leaves counts spaced evenly on a logarithmic scale.
    """
    longer = (*history, entry)
    if len(longer) <= HISTORY_MAX:
        return longer
    inner = range(1, len(longer) - 1)
    dropped = min(inner, key=lambda i: (_log_ratio(longer[i - 1], longer[i + 1]), -i))
    return longer[:dropped] + longer[dropped + 1 :]


def _log_ratio(before: HistoryEntry, after: HistoryEntry) -> float:
    # An emptied story has a count of 0.
    return abs(math.log1p(after.article_count) - math.log1p(before.article_count))
