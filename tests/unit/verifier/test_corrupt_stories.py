"""Stories that contradict their updates or articles: each single corruption is reported by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from newsloom.contracts.story import Story, StoryState
from newsloom.streaming.records import Record
from tests.unit.verifier.corruption import Corruption, check_reported
from tests.unit.verifier.log_file import LogFile


def story_with(**changed: Any) -> Corruption:
    """Change fields of the largest story."""

    def corrupt(log_file: LogFile) -> str:
        record, story = log_file.stories()[0]
        log_file.rewrite(record, story, **changed)
        return story.id

    return corrupt


def a_story(log_file: LogFile, wanted: Callable[[Story], object]) -> tuple[Record, Story]:
    return next(item for item in log_file.stories() if wanted(item[1]))


def story_with_one_article_more(log_file: LogFile) -> str:
    record, story = log_file.stories()[0]
    log_file.rewrite(record, story, article_count=story.article_count + 1)
    return story.id


def history_without_its_last_entry(log_file: LogFile) -> str:
    record, story = log_file.stories()[0]
    log_file.rewrite(record, story, history=story.history[:-1])
    return story.id


def history_with_another_count(log_file: LogFile) -> str:
    record, story = log_file.stories()[0]
    wrong = msgspec.structs.replace(story.history[0], article_count=7)
    log_file.rewrite(record, story, history=(wrong, *story.history[1:]))
    return story.id


def story_is_lost(log_file: LogFile) -> str:
    record, story = log_file.stories()[0]
    log_file.append(replace(record, value=None))
    return story.id


def story_in_the_wrong_partition(log_file: LogFile) -> str:
    record, story = log_file.stories()[0]
    log_file.delete(record)
    log_file.append(replace(record, partition=(record.partition + 1) % 3))
    return story.id


def story_that_cannot_be_decoded(log_file: LogFile) -> str:
    record, _ = log_file.stories()[0]
    log_file.alter(replace(record, value=b'{"id": 7}'))
    return f"{record.topic}/{record.partition}/{record.offset}"


def merged_into_an_unknown_story(log_file: LogFile) -> str:
    record, story = a_story(log_file, lambda story: story.state is StoryState.MERGED)
    log_file.rewrite(record, story, merged_into="st-nowhere")
    return f"{story.id} ({record.partition}/{record.offset}) has merged_into st-nowhere"


def survivor_without_merged_from(log_file: LogFile) -> str:
    record, story = a_story(log_file, lambda story: story.merged_from)
    log_file.rewrite(record, story, merged_from=())
    return story.id


def split_story_without_split_from(log_file: LogFile) -> str:
    record, story = a_story(log_file, lambda story: story.split_from)
    log_file.rewrite(record, story, split_from=None)
    return story.id


def kept_apart_on_one_side_only(log_file: LogFile) -> str:
    stories = {story.id: story for _, story in log_file.stories()}

    def is_apart(story: Story) -> bool:
        others = [stories[other] for other in story.kept_apart if other in stories]
        return story.state is StoryState.OPEN and any(other.state is StoryState.OPEN for other in others)

    record, story = a_story(log_file, is_apart)
    log_file.rewrite(record, story, kept_apart=())
    return story.id


CORRUPTIONS = [
    (story_with_one_article_more, "members"),
    (story_with(report_count=1), "members"),
    (story_with(outlets={"Outlet 0": 9}), "members"),
    (story_with(leanings={}), "members"),
    (story_with(title="Another"), "members"),
    (story_with(articles=()), "members"),
    (story_with(version=1), "stories"),
    (story_with(merged_into="st-nowhere"), "lineage"),
    (history_without_its_last_entry, "stories"),
    (history_with_another_count, "stories"),
    (story_is_lost, "stories"),
    (story_in_the_wrong_partition, "editions"),
    (story_that_cannot_be_decoded, "readable"),
    (merged_into_an_unknown_story, "lineage"),
    (survivor_without_merged_from, "lineage"),
    (split_story_without_split_from, "lineage"),
    (kept_apart_on_one_side_only, "lineage"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_reported_by_name(log_file: LogFile, corruption: Corruption, invariant: str) -> None:
    check_reported(log_file, corruption, invariant)
