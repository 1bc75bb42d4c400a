"""What a demo found, read back from its log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from newsloom.contracts.story import Story, StoryState
from newsloom.contracts.topics import ARTICLES, DEAD_LETTERS
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from newsloom.subscribe import Newsloom


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """Counts of the records of `articles` by kind."""

    new: int
    duplicates: int
    corrections: int
    retractions: int


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo left on the log. `stories` come largest first, without those merged into others."""

    stories: tuple[Story, ...]
    merged: int
    records: RecordCounts
    dead_letters: int


def read_result(log: Log, settings: Settings) -> DemoResult:
    """Read the result from the log as a subscriber would."""
    stories = Newsloom(log, topic_prefix=settings.topic_prefix).stories().values()
    unmerged = [story for story in stories if story.state is not StoryState.MERGED and story.article_count]
    return DemoResult(
        stories=tuple(sorted(unmerged, key=lambda story: (-story.article_count, story.first_published_at, story.id))),
        merged=sum(story.state is StoryState.MERGED for story in stories),
        records=count_records(read_topic(log, topic_name(settings, ARTICLES))),
        dead_letters=sum(1 for _ in read_topic(log, topic_name(settings, DEAD_LETTERS))),
    )


def count_records(records: Iterable[Record]) -> RecordCounts:
    """Count new articles, duplicates, corrections and retractions, distinguished by id and content."""
    latest: dict[bytes | None, bytes | None] = {}
    new = duplicates = corrections = retractions = 0
    for record in records:
        if record.value is None:
            retractions += 1
        elif latest.get(record.key) is None:
            new += 1
        elif latest[record.key] == record.value:
            duplicates += 1
        else:
            corrections += 1
        latest[record.key] = record.value
    return RecordCounts(new, duplicates, corrections, retractions)
