"""Cold starts: the first articles of several days, by a new engine and by one that has seen the days before."""

from __future__ import annotations

from evaluation.cold_start import COUNTS, STARTS_MAX, WARM_MIN, score_starts, start_indexes
from evaluation.streams.event_stream import EventStream
from evaluation.streams.stream import Gold
from tests.unit.clusterer.test_zero_point import events

STREAM = events(900)


def test_starts_are_first_articles_of_days_with_enough_before_and_after() -> None:
    starts = start_indexes(STREAM)
    assert 1 < len(starts) <= STARTS_MAX
    for start in starts:
        assert WARM_MIN <= start <= len(STREAM) - max(COUNTS)
        assert STREAM[start].published_at.date() > STREAM[start - 1].published_at.date()


def test_both_engines_are_scored_on_the_same_articles() -> None:
    gold = Gold(
        tuple(event.article_id for event in STREAM),
        tuple(event.outlet or "" for event in STREAM),
        tuple(event.published_at.date() for event in STREAM),
    )
    for start in score_starts(EventStream("invented", tuple(STREAM), gold, 0)):
        assert len(start.cold) == len(start.warm) == len(COUNTS)
        # The calibration fits nothing here, so a cold engine has to find the zero point first.
        assert all(warm > 0.9 for warm in start.warm)
        assert 0.4 < start.cold[0] < start.warm[0]
