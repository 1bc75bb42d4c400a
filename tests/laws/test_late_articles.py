"""Laws of streams in any order: articles that are weeks late, stories that have closed and take them, or no longer do."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from newsloom.contracts.codec import decode_state, encode
from newsloom.contracts.membership import Checkpoint
from newsloom.contracts.story import Cause, StoryState
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.engine import Engine
from services.clusterer.core.restore import restore_edition
from services.clusterer.core.story import LiveStory, has_features
from services.clusterer.state import checkpoint_of
from tests.laws.streams import FIXED_PARAMETERS, TITLES, Event, article, retractions, with_title
from tests.laws.test_engine import CALIBRATION, PublishedState, fresh_engine, replay

LATE_PARAMETERS = msgspec.structs.replace(
    FIXED_PARAMETERS, comparable_articles=8, late_second_look=3, retention=timedelta(days=1_000)
)
NEWEST = 5
"""Articles of the newest day that come first: they close what is older."""

articles = st.builds(
    with_title,
    st.builds(
        article,
        st.integers(0, 40),
        subject=st.integers(0, 3),
        wobble=st.integers(0, 3),
        hour=st.sampled_from([0, 2, 20, 24 * 5, 24 * 12, 24 * 13, 24 * 30, 24 * 31]).map(float),
        text=st.none() | st.integers(0, 6),
        revision=st.integers(0, 1),
    ),
    st.sampled_from(TITLES),
    st.booleans(),
)


@st.composite
def disordered_streams(draw: st.DrawFn) -> list[Event]:
    """Draw some old news, then newer news that closes their stories, then articles and retractions of any time."""
    old = draw(st.lists(articles, min_size=3, max_size=15))
    newest = [article(100 + number, subject=4 + number % 3, hour=24 * 40) for number in range(NEWEST)]
    return [*old, *newest, *draw(st.lists(articles | retractions, min_size=5, max_size=40))]


def comparable_ids(engine: Engine) -> set[str]:
    return {story.id for story in engine.edition.stories.values() if story.is_comparable}


@given(events=disordered_streams(), cut=st.floats(0, 1))
@settings(max_examples=200)
def test_a_restored_engine_compares_the_same_closed_stories(events: list[Event], cut: float) -> None:
    engine, applied = fresh_engine(LATE_PARAMETERS), round(cut * len(events))
    published = replay(engine, events[:applied])
    checkpoint = decode_state(encode(checkpoint_of(engine.edition)))
    assert isinstance(checkpoint, Checkpoint)
    edition = restore_edition(
        checkpoint,
        published.stories.values(),
        published.memberships.values(),
        calibration=CALIBRATION,
        parameters=LATE_PARAMETERS,
        written_at=published.written_at,
    )
    restored = Engine(edition)
    assert comparable_ids(restored) == comparable_ids(engine)
    for event in events[applied:]:
        assert restored.apply(event) == engine.apply(event)
        assert comparable_ids(restored) == comparable_ids(engine)


@given(events=disordered_streams())
def test_exactly_the_comparable_stories_have_features_and_places_in_the_indexes(events: list[Event]) -> None:
    engine = fresh_engine(LATE_PARAMETERS)
    edition, indexes, space = engine.edition, engine.edition.indexes, engine.edition.indexes.space
    for event in events:
        engine.apply(event)
        for story in edition.stories.values():
            assert {has_features(member) for member in story.members.values()} <= {story.is_comparable}
            is_recent = story.last_sequence + LATE_PARAMETERS.comparable_articles > edition.next_sequence
            assert story.is_comparable == (story.is_open or (bool(story.members) and is_recent))
        states = Counter(story.state for story in edition.stories.values() if story.is_comparable)
        slots = [story.slot for story in edition.stories.values() if story.is_comparable]
        assert sum(indexes.evidence(slot).reports for slot in slots) == indexes.statistics.documents
        assert (space.open_count, space.closed_count) == (states[StoryState.OPEN], states[StoryState.CLOSED])


@given(events=disordered_streams(), order=st.randoms())
def test_no_order_of_arrival_loses_an_article(events: list[Event], order: Random) -> None:
    shuffled = list(events)
    order.shuffle(shuffled)
    published = replay(fresh_engine(LATE_PARAMETERS), shuffled)
    present: dict[str, bool] = {}
    for event in shuffled:
        present[event.article_id] = isinstance(event, ArticleVector)
    assert set(published.memberships) == {article_id for article_id, is_present in present.items() if is_present}


@given(events=disordered_streams())
def test_an_article_joins_a_closed_story_only_late_and_within_a_window(events: list[Event]) -> None:
    engine, published, window = fresh_engine(LATE_PARAMETERS), PublishedState(), LATE_PARAMETERS.window
    for event in events:
        before = {story.id: (story.first_published_at, story.last_published_at) for story in closed_stories(engine)}
        changes = engine.apply(event)
        published.apply(changes, engine)
        for update in changes.updates:
            joins_closed = update.cause is Cause.ARTICLE and update.state is StoryState.CLOSED
            assert update.late == joins_closed
            # The clock may have closed the story at this event.
            if joins_closed and update.article is not None and update.story_id in before:
                first, last = before[update.story_id]
                assert first - window <= update.article.published_at <= last + window


def closed_stories(engine: Engine) -> list[LiveStory]:
    return [story for story in engine.edition.stories.values() if story.state is StoryState.CLOSED]
