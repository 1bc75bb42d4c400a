"""Laws of the engine, for every stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsloom.contracts.codec import decode_state, decode_story, encode
from newsloom.contracts.membership import Checkpoint, Membership, report_ids
from newsloom.contracts.story import HISTORY_MAX, Cause, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.restore import restore_edition
from services.clusterer.core.story import last_activity
from services.clusterer.state import checkpoint_of
from tests.laws.command_streams import StreamItem, apply_event, streams_of_corrections, streams_with_commands
from tests.laws.streams import DIMENSION, EDITION, FIXED_PARAMETERS, START, Event, article, streams

PARAMETERS = msgspec.structs.replace(
    FIXED_PARAMETERS,
    bar_base=0.45,
    bar_mean=0.05,
    bar_std=0.1,
    comparable_articles=6,
    late_second_look=3,
    second_look_discount=0.4,
    retention=timedelta(days=9),
)
"""Articles are often kept in separate stories when they come, and often merged at a second look, whatever the defaults are."""
FEW_CANDIDATES = msgspec.structs.replace(PARAMETERS, candidates=3, scored=2)
CALIBRATION = zero_calibration("test", DIMENSION)


class PublishedState:
    """What a reader of the topics sees, built from the changes alone."""

    def __init__(self) -> None:
        self.updates: list[StoryUpdate] = []
        self.stories: dict[str, Story] = {}
        self.memberships: dict[str, Membership] = {}
        self.forgotten: set[str] = set()
        self.written_at: dict[str, datetime] = {}

    def apply(self, changes: StoryChanges, engine: Engine) -> None:
        self.updates += changes.updates
        for story_id in changes.stories:
            story = engine.story(story_id)
            if story is None:
                del self.stories[story_id]
                self.forgotten.add(story_id)
            else:
                self.stories[story_id] = decode_story(encode(story))
                self.written_at[story_id] = engine.edition.stories[story_id].arrived_at
        for article_id, member in changes.memberships:
            if member is None:
                del self.memberships[article_id]
            else:
                state = decode_state(encode(member))
                assert isinstance(state, Membership)
                self.memberships[article_id] = state


def fresh_engine(parameters: Parameters = PARAMETERS) -> Engine:
    return Engine(EditionState(EDITION, CALIBRATION, parameters))


def replay(engine: Engine, events: Sequence[StreamItem], published: PublishedState | None = None) -> PublishedState:
    published = published or PublishedState()
    for index, event in enumerate(events):
        published.apply(apply_event(engine, event, arrival(index)), engine)
    return published


def arrival(index: int) -> datetime:
    """Return when the event of this index arrives: one event a day, whatever the dates of the articles are."""
    return START + timedelta(days=index)


@given(streams_with_commands)
def test_counts_equal_memberships(events: list[StreamItem]) -> None:
    published = replay(fresh_engine(), events)
    members = Counter(member.story_id for member in published.memberships.values())
    reports = Counter(
        published.memberships[report].story_id for report in report_ids(published.memberships.values()).values()
    )
    assert {story.id: story.article_count for story in published.stories.values() if story.article_count} == members
    assert {story.id: story.report_count for story in published.stories.values() if story.report_count} == reports
    for story in published.stories.values():
        inside = [member for member in published.memberships.values() if member.story_id == story.id]
        outlets = Counter(member.outlet for member in inside)
        assert story.outlets == outlets
        assert story.leanings == Counter(member.leaning.value for member in inside if member.leaning is not None)
        if inside:
            assert story.first_published_at == min(member.published_at for member in inside)
            assert story.last_published_at == max(member.published_at for member in inside)


@given(streams_with_commands)
def test_versions_have_no_gaps_or_duplicates(events: list[StreamItem]) -> None:
    published = replay(fresh_engine(), events)
    versions: dict[str, list[int]] = {}
    counts: dict[str, int] = {}
    for update in published.updates:
        versions.setdefault(update.story_id, []).append(update.version)
        assert update.article_count_before == counts.get(update.story_id, 0)
        counts[update.story_id] = update.article_count
        assert (update.kind is UpdateKind.CREATED) == (update.version == 1)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    for story in published.stories.values():
        assert story.version == len(versions[story.id])
        assert story.article_count == counts[story.id]


@given(streams_with_commands)
def test_history_has_every_change_of_the_count(events: list[StreamItem]) -> None:
    published = replay(fresh_engine(), events)
    for story in published.stories.values():
        changes = [
            (update.version, update.at, update.article_count, update.title, update.kind, update.cause)
            for update in published.updates
            if update.story_id == story.id and update.article_count != update.article_count_before
        ]
        assert len(changes) <= HISTORY_MAX
        assert [msgspec.structs.astuple(entry) for entry in story.history] == changes
        assert [entry.at for entry in story.history] == sorted(entry.at for entry in story.history)


@given(streams_with_commands)
def test_a_story_stays_open_until_a_window_has_passed_without_articles(events: list[StreamItem]) -> None:
    engine = fresh_engine()
    for event in events:
        changes = apply_event(engine, event)
        watermark = engine.edition.watermark
        for update in changes.updates:
            story = engine.story(update.story_id)
            is_latest = story is not None and update.version == story.version
            if story is not None and is_latest and update.kind is UpdateKind.CLOSED and update.cause is Cause.SILENCE:
                assert story.last_published_at + PARAMETERS.window <= update.at <= watermark
        for live in engine.edition.stories.values():
            assert live.is_open == (live.state is StoryState.OPEN)
            assert not live.is_open or last_activity(live) + PARAMETERS.window > watermark
            assert live.is_open <= (live.article_count > 0)
            assert (live.state is StoryState.MERGED) == (live.merged_into is not None)


@given(streams_with_commands)
def test_an_article_changes_its_story_only_with_an_update(events: list[StreamItem]) -> None:
    engine = fresh_engine()
    story_ids: dict[str, str] = {}
    for event in events:
        changes = apply_event(engine, event)
        announced = {
            update.story_id for update in changes.updates if update.kind in {UpdateKind.MERGED, UpdateKind.MOVED}
        }
        for update in changes.updates:
            if update.kind is UpdateKind.SPLIT:
                assert {story_ids[article_id] for article_id in update.article_ids} == {update.story_id}
                for article_id in update.article_ids:
                    story_ids[article_id] = update.split_into[-1]
        for article_id, member in changes.memberships:
            if member is None:
                story_ids.pop(article_id)
            else:
                before = story_ids.get(article_id)
                assert before in {None, member.story_id} or {before, member.story_id} & announced
                story_ids[article_id] = member.story_id


@given(streams_with_commands)
def test_no_article_is_lost_before_the_retention_is_over(events: list[StreamItem]) -> None:
    engine = fresh_engine()
    known: dict[str, datetime] = {}
    for index, event in enumerate(events):
        members = {story.id: set(story.members) for story in engine.edition.stories.values()}
        changes = apply_event(engine, event, arrival(index))
        forgotten = {story_id for story_id in changes.stories if engine.story(story_id) is None}
        for article_id in set().union(*(members.get(story_id, set()) for story_id in forgotten)):
            assert known.pop(article_id) + PARAMETERS.retention <= arrival(index)
        if isinstance(event, ArticleVector):
            known[event.article_id] = arrival(index)
        elif isinstance(event, ArticleRetraction):
            known.pop(event.article_id, None)
        assert set(engine.edition.articles) == set(known)
        inside = [article_id for story in engine.edition.stories.values() for article_id in story.members]
        assert sorted(inside) == sorted(known)


@given(streams_with_commands)
def test_each_copy_group_is_in_one_story_and_readers_find_the_report_that_articles_are_compared_with(
    events: list[StreamItem],
) -> None:
    engine, published = fresh_engine(), PublishedState()
    for index, event in enumerate(events):
        published.apply(apply_event(engine, event, arrival(index)), engine)
        reports = report_ids(published.memberships.values())
        for story in engine.edition.stories.values():
            found = {reports[EDITION, published.memberships[article_id].group] for article_id in story.members}
            assert found == {report.article_id for report in story.reports()}
        for story_id in {member.story_id for member in published.memberships.values()}:
            for ref in published.stories[story_id].articles:
                assert (ref.copy_of or ref.id) == reports[EDITION, published.memberships[ref.id].group]


@pytest.mark.parametrize("parameters", [PARAMETERS, FEW_CANDIDATES], ids=["all stories", "few candidates"])
@given(events=streams_with_commands | streams_of_corrections, cut=st.floats(0, 1))
@settings(max_examples=200)
def test_a_restored_engine_continues_like_one_that_never_stopped(
    parameters: Parameters, events: list[StreamItem], cut: float
) -> None:
    engine, applied = fresh_engine(parameters), round(cut * len(events))
    published = replay(engine, events[:applied])
    checkpoint = decode_state(encode(checkpoint_of(engine.edition)))
    assert isinstance(checkpoint, Checkpoint)
    state = list(published.stories.values()), list(published.memberships.values())
    edition = restore_edition(
        checkpoint, *state, calibration=CALIBRATION, parameters=parameters, written_at=published.written_at
    )
    restored = Engine(edition)
    for story_id, story in published.stories.items():
        assert restored.story(story_id) == story
    for index, event in enumerate(events[applied:], start=applied):
        expected, actual = (apply_event(one, event, arrival(index)) for one in (engine, restored))
        assert actual == expected
        for story_id in expected.stories:
            assert restored.story(story_id) == engine.story(story_id)


@given(streams)
def test_duplicates_change_nothing(events: list[Event]) -> None:
    engine = fresh_engine()
    for event in events:
        engine.apply(event)
        assert engine.apply(event) == StoryChanges()


@given(streams_with_commands)
def test_the_same_stream_gives_the_same_events(events: list[StreamItem]) -> None:
    first, second = replay(fresh_engine(), events), replay(fresh_engine(), events)
    assert first.updates == second.updates
    assert first.memberships == second.memberships


def test_long_histories_keep_the_first_and_the_latest_entry() -> None:
    engine = fresh_engine()
    published = replay(engine, [article(number, hour=number / 10) for number in range(150)])
    (story,) = published.stories.values()
    counts = [entry.article_count for entry in story.history]
    assert len(counts) == HISTORY_MAX
    assert counts[0] == 1
    assert counts[-1] == story.article_count == 150
    assert counts == sorted(counts)
    assert story.articles_omitted == 150 - len(story.articles)
    assert story.first_published_at >= START
