"""The bounded history of a story."""

from __future__ import annotations

from newsloom.contracts.story import HISTORY_MAX, HistoryEntry


def extend_history(history: tuple[HistoryEntry, ...], entry: HistoryEntry) -> tuple[HistoryEntry, ...]:
    """Return the history with one more entry, thinned by the rule that `Story` states.

    Dropping the entry whose neighbours' counts are nearest in ratio leaves counts spaced evenly on a logarithmic scale.
    """
    longer = (*history, entry)
    if len(longer) <= HISTORY_MAX:
        return longer
    inner = range(1, len(longer) - 1)
    dropped = min(inner, key=lambda i: (_ratio(longer[i - 1], longer[i + 1]), -i))
    return longer[:dropped] + longer[dropped + 1 :]


def _ratio(one: HistoryEntry, other: HistoryEntry) -> float:
    # Add one, because an emptied story has 0 articles. Divide instead of subtracting logarithms: IEEE 754 rounds equal ratios
    # alike on every machine, and different ones apart below 2**26 articles.
    low, high = sorted((one.article_count + 1, other.article_count + 1))
    return high / low
