"""Other orders of arrival have the same articles."""

from __future__ import annotations

from evaluation.arrival_orders import ORDERS, in_daily_batches, partly_undated
from tests.laws.streams import article

EVENTS = tuple(article(number, hour=6 * number) for number in range(40))


def test_every_order_has_the_same_articles() -> None:
    for reorder in ORDERS.values():
        assert sorted(event.article_id for event in reorder(EVENTS)) == sorted(event.article_id for event in EVENTS)


def test_daily_batches_keep_the_order_within_a_day() -> None:
    assert [event.article_id for event in in_daily_batches(EVENTS)[:5]] == ["a36", "a37", "a38", "a39", "a32"]


def test_one_article_in_ten_is_undated_and_its_record_is_younger_than_all_dates() -> None:
    undated = [event for event in partly_undated(EVENTS, share=0.1) if not event.dated]
    assert len(undated) == 4
    assert all(event.published_at > EVENTS[-1].published_at for event in undated)
