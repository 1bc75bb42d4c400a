"""Read all topics of an installation into memory; report what cannot be decoded."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from newsloom.contracts.codec import InvalidValue, decode_state, decode_story, decode_update, decode_vector
from newsloom.contracts.membership import Membership, StateRecord
from newsloom.contracts.pipeline import (
    BEGINNING_CUT,
    CLOUDEVENT_ID,
    CONSUMED,
    SERVICES,
    TOPICS,
    RecordId,
    snapshot_id,
    update_id,
)
from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLE_VECTORS,
    DEAD_LETTERS,
    STORIES,
    STORY_UPDATES,
    TopicDefinition,
)
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.log_names import group_name, topic_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.dead_letter_replay import REPLAYED_OFFSET
from newsloom.streaming.dead_letters import OFFSET, PARTITION, REASON, SERVICE, original_message
from newsloom.streaming.errors import LogError
from newsloom.streaming.log import Log
from newsloom.streaming.records import PartitionOffset, Record, TopicPartition
from newsloom.streaming.scan import latest_by_key, read_topic
from services.verifier.findings import Findings, Invariant
from services.verifier.topic_contents import (
    CommittedOffsets,
    DeadLetter,
    DecodedRecord,
    ForwardedRecord,
    ReplayMarker,
    TopicContents,
)

T = TypeVar("T")


class TopicsChanged(LogError):
    """Records or committed offsets were written while the topics were read, so the result is not one consistent state."""


def read_topics(log: Log, settings: Settings, findings: Findings) -> TopicContents:
    """Read everything on the topics; a record that cannot be decoded is a violation.

    Raises:
        ConfigurationError: a topic is missing.
        LogUnavailable: the log went away; start over.
        TopicsChanged: something was written meanwhile.

    """
    names = {topic: topic_name(settings, topic) for topic in TOPICS}
    log.admin().check_rights(read=list(names.values()))
    starts = log.admin().start_offsets(list(names.values()))
    ends, committed = _end_and_committed_offsets(log, settings)
    truncated = {partition for partition, start in starts.items() if start > 0}
    contents = TopicContents(names, starts, ends, committed, truncated)
    _TopicReader(log, contents, findings).read()
    if not contents.is_current(*_end_and_committed_offsets(log, settings)):
        raise TopicsChanged("the topics changed while they were read: stop the services and producers, try again")
    return contents


def _end_and_committed_offsets(log: Log, settings: Settings) -> tuple[dict[TopicPartition, int], CommittedOffsets]:
    """Return the end offsets of all topics and the committed offsets of all services."""
    admin = log.admin()
    committed: CommittedOffsets = {}
    for service in SERVICES:
        group, topics = group_name(settings, service.name), topic_names(settings, service.consumes)
        offsets = admin.committed_offsets(group, topics)
        committed.update({(service.name, partition): offset for partition, offset in offsets.items()})
    return admin.end_offsets(topic_names(settings, TOPICS)), committed


class _TopicReader:
    """Reads every topic once. Keeps digests of texts and drops the features of memberships, to save memory."""

    def __init__(self, log: Log, contents: TopicContents, findings: Findings) -> None:
        self._log = log
        self._contents = contents
        self._findings = findings

    def read(self) -> None:
        readers = {
            ARTICLE_VECTORS: self._read_vector,
            DEAD_LETTERS: self._read_letter,
            STORY_UPDATES: self._read_update,
        }
        for topic in dict.fromkeys((*CONSUMED, DEAD_LETTERS, STORY_UPDATES)):
            for record in self._records(topic):
                if topic in CONSUMED:
                    self._add_input_digest(record)
                if topic in readers:
                    readers[topic](record)
        for record in latest_by_key(self._records(STORIES)):
            self._read_story(record)
        for record in latest_by_key(self._records(ARTICLE_STORIES)):
            self._read_state(record)

    def _add_input_digest(self, record: Record) -> None:
        digests = self._contents.input_digests.setdefault(record.topic_partition, {})
        digests[record.offset] = digest_of(record.key, record.value)

    def _read_vector(self, record: Record) -> None:
        # One that cannot be decoded is a violation only if the clusterer did not reject it: `check_inputs` looks at that.
        try:
            event = decode_vector(record.value or b"")
        except InvalidValue:
            return
        self._contents.forwarded.append(_forwarded_record(record, event))

    def _read_update(self, record: Record) -> None:
        update = self._decode(record, decode_update)
        if update is not None:
            self._check_key(record, update.story_id.encode(), update_id(update.story_id, update.version))
            found = DecodedRecord(record.position, update, timestamp_ms=record.timestamp_ms)
            self._contents.updates.append(found)

    def _read_story(self, record: Record) -> None:
        story = self._decode(record, decode_story)
        if story is not None:
            self._check_key(record, story.id.encode(), snapshot_id(story.id, story.version))
            self._contents.stories.append(DecodedRecord(record.position, story))

    def _read_state(self, record: Record) -> None:
        state: StateRecord | None = self._decode(record, decode_state)
        if state is None:
            return
        article_id = state.article_id if isinstance(state, Membership) else ""
        self._check_key(record, f"{state.edition}/{article_id}".encode())
        event_id = record.header(CLOUDEVENT_ID) or ""
        if isinstance(state, Membership):
            light = msgspec.structs.replace(state, shingles=b"", title_vector=b"", terms=b"", term_weights=b"")
            self._contents.memberships.append(DecodedRecord(record.position, light, event_id))
        else:
            self._contents.checkpoints.append(DecodedRecord(record.position, state, event_id))

    def _read_letter(self, record: Record) -> None:
        position, replayed_offset = record.position, record.header(REPLAYED_OFFSET)
        if replayed_offset is not None and record.header(REASON) is None:
            self._read_replay_marker(position, replayed_offset)
            return
        try:
            message = original_message(record)
            origin = RecordId(message.topic, int(record.header(PARTITION) or ""), int(record.header(OFFSET) or ""))
        except ValueError as error:
            self._findings.add(Invariant.DEAD_LETTERS, f"dead letter {position}: {error}")
            return
        reason, service = record.header(REASON) or "", record.header(SERVICE) or ""
        digest = digest_of(message.key, message.value)
        self._contents.dead_letters.append(DeadLetter(position, origin, service, reason, digest))

    def _read_replay_marker(self, position: PartitionOffset, offset: str) -> None:
        try:
            self._contents.replay_markers.append(ReplayMarker(position, int(offset)))
        except ValueError:
            self._findings.add(Invariant.DEAD_LETTERS, f"replay marker {position}: {offset!r} is not an offset")

    def _check_key(self, record: Record, key: bytes, event_id: str | None = None) -> None:
        """Check the key, as compaction would delete a record under a wrong one, and the event id where there is one."""
        name = f"{record.topic}/{record.position}"
        self._findings.expect(Invariant.EDITIONS, f"{name}: key", key, record.key)
        if event_id is not None:
            found = record.header(CLOUDEVENT_ID)
            self._findings.expect(Invariant.VERSIONS, f"{name}: {CLOUDEVENT_ID}", event_id, found)

    def _decode(self, record: Record, decode: Callable[[bytes], T]) -> T | None:
        try:
            return decode(record.value or b"")
        except InvalidValue as error:
            self._findings.add(Invariant.READABLE, f"{record.topic}/{record.position}: {error}")
            return None

    def _records(self, topic: TopicDefinition) -> Iterator[Record]:
        counts: Counter[TopicPartition] = Counter()
        for record in read_topic(self._log, self._contents.names[topic]):
            if record.topic_partition not in counts and record.header(BEGINNING_CUT) is not None:
                self._contents.truncated.add(record.topic_partition)
            counts[record.topic_partition] += 1
            yield record
        self._findings.checked[Invariant.READABLE] += counts.total()
        self._contents.record_counts.update(counts)


def digest_of(key: bytes | None, value: bytes | None) -> bytes:
    """Return a digest of a record's key and value (16 bytes)."""
    salt = hashlib.blake2b(key or b"", digest_size=16).digest()
    return hashlib.blake2b(value or b"", digest_size=16, salt=salt).digest()


def _forwarded_record(record: Record, event: VectorEvent) -> ForwardedRecord:
    position, event_id = record.position, record.header(CLOUDEVENT_ID) or ""
    if isinstance(event, ArticleVector | ArticleRetraction):
        is_retraction = isinstance(event, ArticleRetraction)
        return ForwardedRecord(position, event_id, event.edition, event.article_id, is_retraction, command=None)
    return ForwardedRecord(position, event_id, event.edition, "", is_retraction=False, command=event)
