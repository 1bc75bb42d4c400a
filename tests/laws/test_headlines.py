"""Laws of headlines, for every stream."""

from __future__ import annotations

from hypothesis import given

from services.clusterer.core.title_parts import TitleParts
from tests.laws.command_streams import StreamItem, apply_event, streams_with_commands
from tests.laws.test_engine import arrival, fresh_engine


@given(streams_with_commands)
def test_a_headline_is_the_title_of_a_report_or_a_part_of_it(events: list[StreamItem]) -> None:
    engine = fresh_engine()
    for index, event in enumerate(events):
        apply_event(engine, event, arrival(index))
        for story in engine.edition.stories.values():
            if story.members:
                report = story.members[story.title_article_id]
                assert report.copy_of is None
                assert story.title in report.title
                assert bool(story.title) == bool(report.title)


@given(streams_with_commands)
def test_a_story_that_an_article_joins_carries_no_recurring_title_if_it_has_another(events: list[StreamItem]) -> None:
    engine = fresh_engine()
    for index, event in enumerate(events):
        changes = apply_event(engine, event, arrival(index))
        titles = engine.edition.indexes.titles
        for update in changes.updates:
            story = engine.edition.stories.get(update.story_id)
            joined = update.article
            if story is None or joined is None or not story.is_open or joined.copy_of is not None:
                continue
            if joined.id not in story.members:
                continue
            carried = story.members[story.title_article_id]
            if not titles.is_telling(carried.title):
                assert not any(titles.is_telling(report.title) for report in story.reports())


@given(streams_with_commands)
def test_titles_are_counted_in_open_stories_alone(events: list[StreamItem]) -> None:
    engine = fresh_engine()
    for index, event in enumerate(events):
        apply_event(engine, event, arrival(index))
    expected = TitleParts()
    for story in engine.edition.open_stories():
        for report in story.reports():
            expected.add(report)
    assert vars(engine.edition.indexes.titles) == vars(expected)
