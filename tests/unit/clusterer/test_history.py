"""The history of a story is bounded, and spaced evenly on a logarithmic scale of counts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.story import HISTORY_MAX, HistoryEntry
from services.clusterer.core.history import extend_history
from tests.laws.streams import START


def history_of(counts: list[int]) -> tuple[HistoryEntry, ...]:
    history: tuple[HistoryEntry, ...] = ()
    for version, count in enumerate(counts, start=1):
        history = extend_history(history, HistoryEntry(version=version, at=START, article_count=count, title=""))
    return history


@given(st.lists(st.integers(0, 500), min_size=1, max_size=3 * HISTORY_MAX))
def test_the_first_and_the_latest_entries_stay_and_the_order_too(counts: list[int]) -> None:
    history = history_of(counts)
    versions = [entry.version for entry in history]
    assert len(history) == min(len(counts), HISTORY_MAX)
    assert versions == sorted(set(versions))
    assert (versions[0], versions[-1]) == (1, len(counts))
    assert [entry.article_count for entry in history] == [counts[version - 1] for version in versions]


def test_a_growing_story_keeps_counts_at_similar_ratios() -> None:
    counts = [entry.article_count + 1 for entry in history_of(list(range(1, 1_001)))]
    ratios = [later / earlier for earlier, later in pairwise(counts[10:])]
    assert max(ratios) < 1.25


def test_of_entries_at_equal_ratios_the_newest_inner_one_is_dropped() -> None:
    versions = [entry.version for entry in history_of([5] * (HISTORY_MAX + 1))]
    assert versions == [*range(1, HISTORY_MAX), HISTORY_MAX + 1]
