"""Stories that are not what their updates and articles have made of them.

Each single corruption of the topics is noticed, and its culprit named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from newsloom.contracts.story import Story, StoryState
from newsloom.streaming.records import Record
from tests.unit.verifier.corruption import Corruption, check_noticed
from tests.unit.verifier.desk import Desk


def story_says(**changed: Any) -> Corruption:
    """The largest story with other values."""

    def spoil(desk: Desk) -> str:
        record, story = desk.stories()[0]
        desk.rewrite(record, story, **changed)
        return story.id

    return spoil


def a_story(desk: Desk, wanted: Callable[[Story], object]) -> tuple[Record, Story]:
    return next(item for item in desk.stories() if wanted(item[1]))


def story_counts_one_more(desk: Desk) -> str:
    record, story = desk.stories()[0]
    desk.rewrite(record, story, article_count=story.article_count + 1)
    return story.id


def history_lacks_an_entry(desk: Desk) -> str:
    record, story = desk.stories()[0]
    desk.rewrite(record, story, history=story.history[:-1])
    return story.id


def history_has_another_count(desk: Desk) -> str:
    record, story = desk.stories()[0]
    wrong = msgspec.structs.replace(story.history[0], article_count=7)
    desk.rewrite(record, story, history=(wrong, *story.history[1:]))
    return story.id


def story_is_lost(desk: Desk) -> str:
    record, story = desk.stories()[0]
    desk.append(replace(record, value=None))
    return story.id


def story_stands_in_another_partition(desk: Desk) -> str:
    record, story = desk.stories()[0]
    desk.delete(record)
    desk.append(replace(record, partition=(record.partition + 1) % 3))
    return story.id


def story_cannot_be_read(desk: Desk) -> str:
    record, _ = desk.stories()[0]
    desk.alter(replace(record, value=b'{"id": 7}'))
    return f"{record.topic}/{record.partition}/{record.offset}"


def merged_story_points_nowhere(desk: Desk) -> str:
    record, story = a_story(desk, lambda story: story.state is StoryState.MERGED)
    desk.rewrite(record, story, merged_into="st-nowhere")
    return f"{story.id} ({record.partition}/{record.offset}) has merged_into st-nowhere"


def survivor_forgets_whom_it_took_in(desk: Desk) -> str:
    record, story = a_story(desk, lambda story: story.merged_from)
    desk.rewrite(record, story, merged_from=())
    return story.id


def half_forgets_where_it_came_from(desk: Desk) -> str:
    record, story = a_story(desk, lambda story: story.split_from)
    desk.rewrite(record, story, split_from=None)
    return story.id


def one_side_is_no_longer_kept_apart(desk: Desk) -> str:
    stories = {story.id: story for _, story in desk.stories()}

    def is_apart(story: Story) -> bool:
        others = [stories[other] for other in story.kept_apart if other in stories]
        return story.state is StoryState.OPEN and any(other.state is StoryState.OPEN for other in others)

    record, story = a_story(desk, is_apart)
    desk.rewrite(record, story, kept_apart=())
    return story.id


CORRUPTIONS = [
    (story_counts_one_more, "members"),
    (story_says(report_count=1), "members"),
    (story_says(outlets={"Outlet 0": 9}), "members"),
    (story_says(leanings={}), "members"),
    (story_says(title="Another"), "members"),
    (story_says(articles=()), "members"),
    (story_says(version=1), "stories"),
    (story_says(merged_into="st-nowhere"), "lineage"),
    (history_lacks_an_entry, "stories"),
    (history_has_another_count, "stories"),
    (story_is_lost, "stories"),
    (story_stands_in_another_partition, "editions"),
    (story_cannot_be_read, "readable"),
    (merged_story_points_nowhere, "lineage"),
    (survivor_forgets_whom_it_took_in, "lineage"),
    (half_forgets_where_it_came_from, "lineage"),
    (one_side_is_no_longer_kept_apart, "lineage"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_noticed_and_its_culprit_named(desk: Desk, corruption: Corruption, invariant: str) -> None:
    check_noticed(desk, corruption, invariant)
