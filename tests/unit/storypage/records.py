"""The records of a log that has seen everything, as lists by partition: what a read model is made from."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Final

from newsloom.contracts.codec import decode_state, decode_story
from newsloom.contracts.membership import Membership
from newsloom.contracts.pipeline import STORYPAGE
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import ARTICLE_STORIES, ARTICLES, STORIES
from newsloom.log_names import topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.records import Record, TopicPartition
from newsloom.streaming.scan import latest_by_key, read_topic

NOW_MS: Final = 1_790_000_000_000

Partitions = dict[TopicPartition, list[Record]]
"""The records of each partition in order."""


def history(log: Log, settings: Settings) -> Partitions:
    """Return all records of the page's topics, with a text for each article, a correction, a retraction and forgotten stories."""
    partitions: defaultdict[TopicPartition, list[Record]] = defaultdict(list)
    for topic in topic_names(settings, STORYPAGE.consumes):
        for record in read_topic(log, topic):
            partitions[record.topic_partition].append(record)
    # The stream of the fixture has vectors where producers write articles.
    articles = topic_name(settings, ARTICLES)
    for partition in [one for one in partitions if one.topic == articles]:
        del partitions[partition]
    for record in _texts(partitions, settings):
        partitions[record.topic_partition].append(record)
    _forget(partitions, settings)
    return dict(partitions)


def compacted(partitions: Partitions, settings: Settings) -> Partitions:
    """Return what is left when the compacted topics have only the latest record of each key."""
    names = {topic_name(settings, topic) for topic in (STORIES, ARTICLE_STORIES)}
    return {
        partition: latest_by_key(records) if partition.topic in names else records
        for partition, records in partitions.items()
    }


def _texts(partitions: Partitions, settings: Settings) -> Iterator[Record]:
    topic = topic_name(settings, ARTICLES)
    members = [member for member in _members(partitions, settings) if member.edition == "main"]
    offset = 0
    for revision in (1, 2):
        for number, member in enumerate(members):
            article = {
                "id": member.article_id,
                "title": f"Title {number}",
                "text": f"It happened again, for the {revision}th time. {member.title}.\nRead more",
                "edition": member.edition,
                "outlet": "The Gull",
                "language": "en",
            }
            value = None if (revision, number % 4) == (2, 3) else json.dumps(article).encode()
            yield Record(topic, 0, offset, NOW_MS + offset, member.article_id.encode(), value)
            offset += 1
    yield Record(topic, 0, offset, NOW_MS + offset, b"x", b'{"id": "y", "title": "wrong key", "text": ""}')
    yield Record(topic, 1, 0, NOW_MS, b"unknown", b'{"id": "unknown", "title": "In no story", "text": "Yet."}')


def _members(partitions: Partitions, settings: Settings) -> list[Membership]:
    topic = topic_name(settings, ARTICLE_STORIES)
    records = [record for partition, some in partitions.items() if partition.topic == topic for record in some]
    states = [decode_state(record.value or b"") for record in latest_by_key(records)]
    return [state for state in states if isinstance(state, Membership)]


def _forget(partitions: Partitions, settings: Settings) -> None:
    """Forget the closed stories of an edition, as the clusterer does: tombstones for them and for their articles."""
    stories = topic_name(settings, STORIES)
    closed = {
        story.id
        for partition, records in partitions.items()
        if partition.topic == stories
        for story in (decode_story(record.value or b"") for record in latest_by_key(records))
        if story.edition == "de" and story.state is StoryState.CLOSED
    }
    assert closed
    members = {
        f"{one.edition}/{one.article_id}".encode() for one in _members(partitions, settings) if one.story_id in closed
    }
    keys = {story_id.encode() for story_id in closed} | members
    for records in partitions.values():
        for record in latest_by_key(list(records)):
            if record.key in keys:
                records.append(replace(record, offset=records[-1].offset + 1, value=None))


def all_records(partitions: Partitions) -> Iterable[Record]:
    """Return the records of one partition after the other."""
    return (record for records in partitions.values() for record in records)


def read_history(settings: Settings, log: Log) -> Partitions:
    """Return `history` of a log, and close it."""
    with closing(log):
        return history(log, settings)
