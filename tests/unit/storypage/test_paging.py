"""Pages of a list while stories change: a walk gives no story twice, and what it missed is in the changes since it began."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from newsloom.contracts.codec import decode_story, encode
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import STORIES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.records import Record
from services.storypage.positions import parse_positions
from services.storypage.read_model.model import ReadModel
from services.storypage.read_model.queries import Queries
from services.storypage.resources import Order, StoryQuery
from tests.unit.storypage.conftest import NewModel
from tests.unit.storypage.records import Partitions, all_records

Change = tuple[int, int]
"""Which story gets how many more articles."""


def snapshots(partitions: Partitions, settings: Settings) -> list[Record]:
    """Return the latest record of each story that is listed."""
    latest = {record.key: record for record in all_records(partitions) if record.topic == topic_name(settings, STORIES)}
    return [
        record
        for record in latest.values()
        if record.value is not None and decode_story(record.value).state is not StoryState.MERGED
    ]


def changed(record: Record, articles: int, offset: int) -> Record:
    story = decode_story(record.value or b"")
    grown = msgspec.structs.replace(story, version=story.version + offset, article_count=story.article_count + articles)
    return replace(record, offset=record.offset + 100_000 + offset, value=encode(grown))


@hypothesis_settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    order=st.sampled_from(Order),
    limit=st.integers(1, 4),
    changes=st.lists(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=3), max_size=12),
)
def test_a_walk_and_the_changes_meanwhile_give_each_story_once(
    new_model: NewModel,
    partitions: Partitions,
    settings: Settings,
    *,
    order: Order,
    limit: int,
    changes: list[list[Change]],
) -> None:
    model, file, _ = new_model()
    model.apply(list(all_records(partitions)))
    records = snapshots(partitions, settings)
    queries = Queries(file.reader(), settings.topic_prefix)
    everything, _ = queries.list_stories(StoryQuery(order=order, limit=100))
    began = queries.positions(STORIES.name)

    walked: list[str] = []
    query, written = StoryQuery(order=order, limit=limit), set[str]()
    for step in range(100):
        page, following = queries.list_stories(query)
        walked += [story.id for story in page]
        if following is None:
            break
        for which, articles in changes[step] if step < len(changes) else []:
            written.add(_grow(model, records, which % len(records), articles))
        query = msgspec.structs.replace(query, cursor=following)

    assert len(walked) == len(set(walked))
    assert {story.id for story in everything} - written <= set(walked)
    missed = {story.id for story in queries.changes(began, 100)[0]}
    assert missed == written


def _grow(model: ReadModel, records: list[Record], index: int, articles: int) -> str:
    """Write the next version of a story; return its id."""
    records[index] = changed(records[index], articles, offset=1 + max(record.offset for record in records))
    model.apply([records[index]])
    return (records[index].key or b"").decode()


@hypothesis_settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
@given(limit=st.integers(1, 7), changes=st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=9))
def test_the_changes_end_at_the_latest_version_of_every_story(
    new_model: NewModel, partitions: Partitions, settings: Settings, limit: int, changes: list[Change]
) -> None:
    model, file, _ = new_model()
    model.apply(list(all_records(partitions)))
    records = snapshots(partitions, settings)
    queries = Queries(file.reader(), settings.topic_prefix)
    seen: dict[str, int] = {}
    position, more, unwritten = "", True, list(changes)
    while more or unwritten:
        page, position, more = queries.changes(parse_positions(position), limit)
        for story in page:
            assert seen.get(story.id, 0) < story.version, "a version was given twice"
            seen[story.id] = story.version
        if unwritten:
            which, articles = unwritten.pop()
            _grow(model, records, which % len(records), articles)
            more = True
    sql = file.reader()
    assert seen == dict(sql.execute("SELECT id, version FROM stories").fetchall())
