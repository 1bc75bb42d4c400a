"""What the engine changes, as messages for the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from newsloom.contracts.cloudevents import CHECKPOINT, MEMBERSHIP, STORY_SNAPSHOT, EventHeaders, story_update_type
from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Checkpoint, Membership, checkpoint_key, membership_key
from newsloom.contracts.pipeline import TRACEPARENT, RecordId, snapshot_id, update_id
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES, STORY_UPDATES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.records import Message, Record
from services.clusterer.core.changes import StoryChanges

SOURCE: Final = "newsloom/clusterer"


class MessageBuilder:
    """Addresses what is published. State goes to the partition of the input it came from: an engine restores its own."""

    def __init__(self, settings: Settings) -> None:
        self._updates = topic_name(settings, STORY_UPDATES)
        self._stories = topic_name(settings, STORIES)
        self._state = topic_name(settings, ARTICLE_STORIES)

    def changes(self, changes: StoryChanges, edition: str, watermark: datetime, cause: Record) -> Iterator[Message]:
        """The updates and memberships that `cause` led to, in order."""
        for update in changes.updates:
            yield self._update(update, cause)
        for place, (article_id, member) in enumerate(changes.memberships):
            yield self._membership(
                edition=edition, article_id=article_id, member=member, watermark=watermark, place=place, cause=cause
            )

    def story(self, story_id: str, story: Story | None, edition: str, watermark: datetime, cause: Record) -> Message:
        """The story as it stands; without a value once it is forgotten."""
        headers = EventHeaders(
            id=snapshot_id(story_id, None if story is None else story.version),
            source=SOURCE,
            type=STORY_SNAPSHOT,
            subject=story_id,
            time=watermark if story is None else story.updated_at,
            edition=edition,
            traceparent=cause.header(TRACEPARENT),
        )
        return Message(
            topic=self._stories,
            key=story_id.encode(),
            value=None if story is None else encode(story),
            headers=headers.encode(),
            partition=cause.partition,
            timestamp_ms=cause.timestamp_ms,
        )

    def checkpoint(self, checkpoint: Checkpoint, cause: Record) -> Message:
        """How far an edition has come with `cause`."""
        headers = EventHeaders(
            id=f"{_record_id(cause)}/checkpoint",
            source=SOURCE,
            type=CHECKPOINT,
            subject=checkpoint.edition,
            time=checkpoint.watermark,
            edition=checkpoint.edition,
        )
        return Message(
            topic=self._state,
            key=checkpoint_key(checkpoint.edition),
            value=encode(checkpoint),
            headers=headers.encode(),
            partition=cause.partition,
            timestamp_ms=cause.timestamp_ms,
        )

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

    def _membership(
        self,
        *,
        edition: str,
        article_id: str,
        member: Membership | None,
        watermark: datetime,
        place: int,
        cause: Record,
    ) -> Message:
        headers = EventHeaders(
            id=f"{_record_id(cause)}/{place}",
            source=SOURCE,
            type=MEMBERSHIP,
            subject=f"{edition}/{article_id}",
            time=watermark,
            edition=edition,
            traceparent=cause.header(TRACEPARENT),
        )
        return Message(
            topic=self._state,
            key=membership_key(edition, article_id),
            value=None if member is None else encode(member),
            headers=headers.encode(),
            partition=cause.partition,
            timestamp_ms=cause.timestamp_ms,
        )


def _record_id(record: Record) -> RecordId:
    return RecordId(record.topic, record.partition, record.offset)
