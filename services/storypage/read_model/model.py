"""Apply records to the read model: rows and offsets in one transaction."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from newsloom.contracts.codec import InvalidValue
from newsloom.contracts.pipeline import STORYPAGE
from newsloom.contracts.story import StoryUpdate
from newsloom.contracts.topics import ARTICLE_STORIES, ARTICLES, STORIES, STORY_UPDATES, TopicDefinition
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.records import Record, TopicPartition
from services.storypage.ratings import NO_RATINGS, Ratings
from services.storypage.read_model.article_rows import apply_article
from services.storypage.read_model.derived_rows import derive
from services.storypage.read_model.membership_rows import apply_membership
from services.storypage.read_model.story_rows import apply_story
from services.storypage.read_model.update_rows import apply_update

_POSITION: Final = "REPLACE INTO positions (topic, partition, offset) VALUES (?, ?, ?)"
_READ_AT: Final = "REPLACE INTO source (name, value) VALUES ('read_at_ms', ?)"
_EXPIRED_ARTICLES: Final = """
    DELETE FROM articles WHERE arrived_ms < ? AND NOT EXISTS
        (SELECT 1 FROM memberships WHERE memberships.edition = articles.edition AND article_id = articles.id)
"""
_EXPIRED_UPDATES: Final = """
    DELETE FROM updates WHERE arrived_ms < ? AND NOT EXISTS (SELECT 1 FROM stories WHERE stories.id = updates.story_id)
"""

_log = structlog.get_logger("newsloom.storypage")


@dataclass(frozen=True, slots=True)
class PublishedUpdate:
    """An update that is in the read model, and its position in `story-updates`."""

    partition: int
    offset: int
    update: StoryUpdate


class ReadModel:
    """The read model's only writer. For use by one thread; readers have connections of their own."""

    def __init__(
        self,
        sql: sqlite3.Connection,
        settings: Settings,
        ratings: Ratings = NO_RATINGS,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sql = sql
        self._ratings = ratings
        self._clock = clock
        self._topics: Mapping[str, TopicDefinition] = {topic_name(settings, one): one for one in STORYPAGE.consumes}

    def positions(self) -> dict[TopicPartition, int]:
        """Return the offset after the last record of each partition that is in the model."""
        return {
            TopicPartition(str(topic), int(partition)): int(offset)
            for topic, partition, offset in self._sql.execute("SELECT topic, partition, offset FROM positions")
        }

    def apply(self, records: Sequence[Record]) -> list[PublishedUpdate]:
        """Apply the records and their offsets in one transaction; return the updates among them.

        A record that cannot be read is skipped and logged: the services made a dead letter of it, if it is an article.
        """
        published: list[PublishedUpdate] = []
        changed: dict[str, None] = {}
        with self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            for record in records:
                try:
                    changed |= dict.fromkeys(self._apply(record, published))
                except InvalidValue as error:
                    _log.warning("record.skipped", topic=record.topic, position=str(record.position), reason=str(error))
                self._sql.execute(_POSITION, (record.topic, record.partition, record.offset + 1))
            for story_id in changed:
                derive(self._sql, story_id)
            self._note_time()
        return published

    def note_time(self) -> None:
        """Store that the topics have been read until now."""
        with self._sql:
            self._note_time()

    def delete_expired(self) -> None:
        """Delete texts of no story, and updates of forgotten stories, that their topics have deleted, too."""
        now_ms = self._clock() * 1000
        with self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            self._sql.execute(_EXPIRED_ARTICLES, (now_ms - (ARTICLES.retention_ms or 0),))
            self._sql.execute(_EXPIRED_UPDATES, (now_ms - (STORY_UPDATES.retention_ms or 0),))

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    def _apply(self, record: Record, published: list[PublishedUpdate]) -> list[str]:
        topic = self._topics[record.topic]
        if topic is STORIES:
            return apply_story(self._sql, record)
        if topic is ARTICLE_STORIES:
            return apply_membership(self._sql, record, self._ratings)
        if topic is ARTICLES:
            return apply_article(self._sql, record)
        update = apply_update(self._sql, record)
        if update is not None:
            published.append(PublishedUpdate(record.partition, record.offset, update))
        return []

    def _note_time(self) -> None:
        self._sql.execute(_READ_AT, (str(int(self._clock() * 1000)),))
