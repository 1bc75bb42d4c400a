from __future__ import annotations

import msgspec
import pytest

from evaluation.near_duplicates import near_duplicates_table
from evaluation.replays.near_duplicate_pairs import near_duplicate_pairs
from evaluation.streams.event_stream import EventStream
from evaluation.streams.stream import Gold
from services.clusterer.core.parameters import Parameters
from tests.laws.streams import article, vector

PAGE = 3
"""Seed of boilerplate text that several articles share."""


@pytest.fixture
def stream() -> EventStream:
    """Build an article, a copy of it with another title, and two articles about different things with the same boilerplate."""
    first, copied = article(0, subject=1, text=90), article(1, subject=1, hour=1, text=90)
    pages = [article(2 + n, subject=2 + n, hour=2 + n, text=PAGE) for n in range(2)]
    events = [first, msgspec.structs.replace(copied, title_vector=vector(6, 1)), *pages]
    # Their leads are boilerplate, unrelated to their titles.
    events[2:] = [msgspec.structs.replace(page, lead_vector=vector(7, 0)) for page in events[2:]]
    ids = tuple(event.article_id for event in events)
    days = tuple(event.published_at.date() for event in events)
    return EventStream("invented", tuple(events), Gold(ids, ("one", "one", "two", "three"), days), 0)


def test_a_copy_fits_and_boilerplate_does_not(stream: EventStream) -> None:
    copied, page = near_duplicate_pairs(stream.events, Parameters())
    assert (copied.earlier, copied.later, copied.jaccard) == (0, 1, 1.0)
    assert copied.fit >= Parameters().copy_fit
    assert (page.earlier, page.later, page.jaccard) == (2, 3, 1.0)
    assert page.fit < Parameters().copy_fit


def test_a_copy_is_not_an_original(stream: EventStream) -> None:
    again = msgspec.structs.replace(stream.events[1], article_id="a9")
    found = near_duplicate_pairs([*stream.events, again], Parameters())
    assert [one.earlier for one in found if one.later == len(stream.events)] == [0]


def test_pairs_are_counted_by_gold_story_and_side_of_the_threshold(stream: EventStream) -> None:
    rows = [
        line.replace(" ", "").split("|")[2:-1]
        for line in near_duplicates_table([stream], Parameters()).splitlines()[2:]
    ]
    of_two, of_one = rows
    assert (of_two[0], of_two[1], of_two[3]) == ("two", "1", "0")
    assert (of_one[0], of_one[1], of_one[3]) == ("one", "0", "1")
    assert float(of_two[2]) < Parameters().copy_fit <= float(of_one[4])
