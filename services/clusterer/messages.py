"""Build the messages that publish what the engine changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

import msgspec

from newsloom.contracts.cloudevents import CHECKPOINT, MEMBERSHIP, STORY_SNAPSHOT, EventHeaders, story_update_type
from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Checkpoint, checkpoint_key, membership_key
from newsloom.contracts.pipeline import TRACEPARENT, RecordId, snapshot_id, update_id
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES, STORY_UPDATES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.records import Message, Record
from services.clusterer.core.changes import StoryChanges

SOURCE: Final = "newsloom/clusterer"


class MessageBuilder:
    """Builds updates, snapshots, memberships and checkpoints. `cause` is the input record that led to them.

    State goes to the partition with the number of the input partition, so that an engine restores exactly its own state.
    """

    def __init__(self, settings: Settings) -> None:
        self._updates = topic_name(settings, STORY_UPDATES)
        self._stories = topic_name(settings, STORIES)
        self._state = topic_name(settings, ARTICLE_STORIES)

    def changes(self, changes: StoryChanges, edition: str, watermark: datetime, cause: Record) -> Iterator[Message]:
        """Yield the updates and the memberships, each in the order they were made."""
        for update in changes.updates:
            yield self._update(update, cause)
        for index, (article_id, member) in enumerate(changes.memberships):
            headers = EventHeaders(
                id=f"{_record_id(cause)}/{index}",
                source=SOURCE,
                type=MEMBERSHIP,
                subject=f"{edition}/{article_id}",
                time=watermark,
                edition=edition,
                traceparent=cause.header(TRACEPARENT),
            )
            yield _state_message(self._state, membership_key(edition, article_id), member, headers, cause)

    def story(
        self, story_id: str, story: Story | None, edition: str, watermark: datetime, cause: Record, *, at_ms: int
    ) -> Message:
        """Build the snapshot of a story, or the tombstone of a forgotten one.

        `at_ms` becomes its timestamp: when the latest record arrived that changed the story. A restore reads it.
        """
        headers = EventHeaders(
            id=snapshot_id(story_id, None if story is None else story.version),
            source=SOURCE,
            type=STORY_SNAPSHOT,
            subject=story_id,
            time=watermark if story is None else story.updated_at,
            edition=edition,
            traceparent=cause.header(TRACEPARENT),
        )
        message = _state_message(self._stories, story_id.encode(), story, headers, cause)
        return replace(message, timestamp_ms=at_ms)

    def checkpoint(self, checkpoint: Checkpoint, cause: Record) -> Message:
        """Build the checkpoint of an edition."""
        headers = EventHeaders(
            id=f"{_record_id(cause)}/checkpoint",
            source=SOURCE,
            type=CHECKPOINT,
            subject=checkpoint.edition,
            time=checkpoint.watermark,
            edition=checkpoint.edition,
        )
        return _state_message(self._state, checkpoint_key(checkpoint.edition), checkpoint, headers, cause)

    def _update(self, update: StoryUpdate, cause: Record) -> Message:
        headers = EventHeaders(
            id=update_id(update.story_id, update.version),
            source=SOURCE,
            type=story_update_type(update.kind),
            subject=update.story_id,
            time=update.at,
            edition=update.edition,
            traceparent=cause.header(TRACEPARENT),
        )
        return Message(
            topic=self._updates,
            key=update.story_id.encode(),
            value=encode(update),
            headers=headers.encode(),
            timestamp_ms=cause.timestamp_ms,
        )


def _state_message(
    topic: str, key: bytes, value: msgspec.Struct | None, headers: EventHeaders, cause: Record
) -> Message:
    return Message(
        topic=topic,
        key=key,
        value=None if value is None else encode(value),
        headers=headers.encode(),
        partition=cause.partition,
        timestamp_ms=cause.timestamp_ms,
    )


def _record_id(record: Record) -> RecordId:
    return RecordId(record.topic, record.partition, record.offset)
