"""No single article moves the time of its edition far, and what is kept follows arrival, not dates."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.command import MergeStories
from newsloom.contracts.story import StoryState
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from services.clusterer.core.clock import MOMENTS, QUORUM, STEP, UNDATED_RUN, Clock, EditionClock
from services.clusterer.core.engine import Engine
from tests.laws.streams import START, article
from tests.laws.test_engine import PARAMETERS, fresh_engine
from tests.unit.clusterer.harness import COMMAND_FIELDS

DAY = timedelta(days=1)
WINDOW = PARAMETERS.window
NOW = START + 500 * DAY
moments = st.integers(0, 1_000).map(lambda hours: START + timedelta(hours=hours))


def undated(number: int, *, subject: int = 0, record_time: datetime = NOW) -> ArticleVector:
    return msgspec.structs.replace(article(number, subject=subject), published_at=record_time, dated=False)


def engine_with_news() -> Engine:
    """Three stories of three articles each, on the first three days."""
    engine = fresh_engine()
    for number in range(9):
        engine.apply(article(number, subject=number // 3, hour=number * 8), NOW)
    assert len(engine.edition.open_stories()) == 3
    return engine


def homes(engine: Engine) -> dict[str, str]:
    return {article_id: story_id for article_id, story_id in engine.edition.articles.items() if article_id != "a99"}


@given(st.lists(moments, min_size=1), moments)
def test_a_moment_moves_the_clock_by_a_step_or_to_where_others_have_been(
    before: list[datetime], moment: datetime
) -> None:
    clock = Clock()
    for one in before:
        clock.take(one)
    now = clock.now
    clock.take(moment)
    others = sorted(before)[-(QUORUM - 1) :]
    assert now <= clock.now <= max(now + STEP, others[0] if len(others) == QUORUM - 1 else now)


@given(st.lists(moments), st.lists(moments))
def test_a_restored_clock_goes_on_as_the_one_that_was_kept(before: list[datetime], after: list[datetime]) -> None:
    kept = EditionClock()
    for place, moment in enumerate(before):
        kept.take(moment, moment, is_dated=place % 3 != 0, window=WINDOW)
    restored = EditionClock.restored(kept.published.now, kept.state())
    for place, moment in enumerate(after):
        expected, actual = (
            one.take(moment, moment, is_dated=place % 2 == 0, window=WINDOW) for one in (kept, restored)
        )
        assert actual == expected
        assert (restored.published.now, restored.state()) == (kept.published.now, kept.state())


def test_news_after_a_silence_moves_the_clock_once_three_articles_say_so() -> None:
    engine = engine_with_news()
    before = engine.edition.watermark
    for number in range(10, 12):
        engine.apply(article(number, subject=4, hour=24 * 30), NOW)
        assert engine.edition.watermark == before
    engine.apply(article(12, subject=4, hour=24 * 30), NOW)
    assert engine.edition.watermark == START + 30 * DAY
    assert len(engine.edition.open_stories()) == 1


def test_one_article_of_the_future_ends_no_story_and_moves_no_article() -> None:
    engine, calm = engine_with_news(), engine_with_news()
    engine.apply(article(99, subject=7, hour=24 * 400), NOW)
    for one in (engine, calm):
        for number in range(10, 30):
            one.apply(article(number, subject=number % 5, hour=70 + number), NOW)
    assert homes(engine) == homes(calm)
    assert all(story.state is StoryState.OPEN for story in engine.edition.stories.values())


def test_an_article_without_a_date_in_an_archive_takes_the_archives_time() -> None:
    engine, calm = engine_with_news(), engine_with_news()
    before = engine.edition.watermark
    engine.apply(undated(99, subject=7), NOW)
    story = engine.edition.story_of("a99")
    assert story is not None
    assert story.members["a99"].published_at == before == engine.edition.watermark
    for one in (engine, calm):
        for number in range(10, 30):
            one.apply(article(number, subject=number % 5, hour=70 + number), NOW)
    assert homes(engine) == homes(calm)


def test_an_article_without_a_date_among_live_news_is_as_old_as_its_record() -> None:
    engine = engine_with_news()
    record_time = engine.edition.watermark + timedelta(hours=5)
    engine.apply(undated(99, subject=2, record_time=record_time), record_time)
    story = engine.edition.story_of("a99")
    assert story is not None
    assert story.members["a99"].published_at == record_time


def test_a_feed_without_dates_goes_by_the_timestamps_of_its_records() -> None:
    engine = fresh_engine()
    for number in range(3 * UNDATED_RUN):
        at = START + number * timedelta(hours=6)
        engine.apply(undated(number, record_time=at), at)
    silence = at + 30 * DAY
    for number in range(100, 100 + QUORUM):
        engine.apply(undated(number, record_time=silence), silence)
    assert engine.edition.watermark == silence


def test_what_has_come_in_stays_known_however_old_it_is() -> None:
    engine = fresh_engine()
    for number in range(40):
        # A month apart each: an archive of three years in one day.
        engine.apply(article(number, subject=number % 5, hour=number * 24 * 30), NOW)
    assert len(engine.edition.articles) == 40


def test_closed_stories_are_forgotten_when_the_retention_after_their_arrival_is_over() -> None:
    engine = engine_with_news()
    for number in range(10, 13):
        engine.apply(article(number, subject=4, hour=24 * 30), NOW + DAY)
    closed = {story.id for story in engine.edition.stories.values() if not story.is_open}
    assert len(closed) == 3
    late = NOW + DAY + PARAMETERS.retention
    for number in range(20, 23):
        engine.apply(article(number, subject=4, hour=24 * 30 + 1), late - timedelta(seconds=1))
    assert closed < set(engine.edition.stories)
    engine.apply(article(23, subject=4, hour=24 * 30 + 1), late)
    assert not closed & set(engine.edition.stories)


def test_one_record_from_the_future_makes_nothing_forgotten() -> None:
    engine = engine_with_news()
    for number in range(10, 13):
        engine.apply(article(number, subject=4, hour=24 * 30), NOW)
    known = set(engine.edition.articles)
    engine.apply(article(99, subject=4, hour=24 * 30 + 1), NOW + 1_000 * DAY)
    assert known < set(engine.edition.articles)


def test_a_merged_story_is_forgotten_no_later_than_its_survivor_though_timestamps_go_back() -> None:
    engine = engine_with_news()
    one, other, _ = sorted(engine.edition.open_stories(), key=lambda story: story.first_published_at)
    late, early = NOW + 30 * DAY, NOW + DAY
    engine.apply(MergeStories(story_id=one.id, other_story_id=other.id, **COMMAND_FIELDS), late)
    survivor, absorbed = (one, other) if one.is_open else (other, one)
    assert absorbed.state is StoryState.MERGED
    version = survivor.version
    engine.apply(ArticleRetraction(article_id="a0", edition=engine.edition.name), early)
    assert survivor.version == version + 1
    assert survivor.changed_at >= absorbed.changed_at


@given(
    st.lists(st.tuples(moments, moments, st.booleans()), max_size=40),
    st.lists(st.tuples(moments, st.booleans()), min_size=MOMENTS, max_size=MOMENTS),
)
def test_after_some_articles_under_a_right_clock_no_clock_is_far_ahead_of_them(
    wrong: list[tuple[datetime, datetime, bool]], right: list[tuple[datetime, bool]]
) -> None:
    clock = EditionClock()
    for one, other, is_dated in wrong:
        clock.take(min(one, other), max(one, other), is_dated=is_dated, window=WINDOW)
    for arrived_at, is_dated in right:
        clock.take(arrived_at, arrived_at, is_dated=is_dated, window=WINDOW)
    latest = max(arrived_at for arrived_at, _ in right)
    assert clock.arrived.now <= latest + STEP
    assert clock.published.now <= latest + STEP


@given(st.lists(st.tuples(moments, st.booleans()), max_size=60))
def test_the_clocks_go_back_for_no_archive_that_arrives_in_order(articles: list[tuple[datetime, bool]]) -> None:
    clock = EditionClock()
    for number, (published_at, is_dated) in enumerate(articles):
        before = clock.published.now, clock.arrived.now
        clock.take(published_at, NOW + number * timedelta(hours=1), is_dated=is_dated, window=WINDOW)
        assert before <= (clock.published.now, clock.arrived.now)
    assert clock.set_back_from is None


def test_timestamps_in_seconds_set_no_clock_back() -> None:
    clock = EditionClock()
    clock.take(START, NOW, is_dated=True, window=WINDOW)
    for number in range(2 * MOMENTS):
        clock.take(START, datetime.fromtimestamp(1_700_000 + number, START.tzinfo), is_dated=True, window=WINDOW)
    assert clock.set_back_from is None


def test_an_edition_whose_clock_was_moved_goes_on_as_before_once_the_clock_is_right() -> None:
    engine, arrival = engine_with_news(), START + 3 * DAY
    wrong = arrival + 400 * DAY
    for number in range(30, 30 + UNDATED_RUN + QUORUM):
        engine.apply(undated(number, subject=6, record_time=wrong), wrong)
    assert engine.edition.watermark == wrong
    set_back = []
    for number in range(60, 60 + MOMENTS):
        changes = engine.apply(article(number, subject=5, hour=72), arrival)
        set_back.append(changes.clock_set_back_from)
    assert set_back == [None] * (MOMENTS - 1) + [wrong]
    assert engine.edition.watermark == arrival
    story_ids = {engine.edition.articles[f"a{number}"] for number in range(60, 60 + MOMENTS)}
    assert len(story_ids) == 1, "while the clock was wrong too"
    engine.apply(article(90, subject=5, hour=80), arrival + timedelta(hours=8))
    (story_id,) = story_ids
    story = engine.edition.stories[story_id]
    assert story.is_open
    assert "a90" in story.members
    assert engine.edition.watermark == START + timedelta(hours=80)


def test_a_clock_that_was_set_back_is_restored() -> None:
    clock = EditionClock()
    for _ in range(QUORUM):
        clock.take(NOW, NOW, is_dated=True, window=WINDOW)
    for _ in range(MOMENTS):
        clock.take(START, START, is_dated=True, window=WINDOW)
    restored = EditionClock.restored(clock.published.now, clock.state())
    assert restored.published.now == START
    assert restored.set_back_from == NOW
