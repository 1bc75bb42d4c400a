"""From the topics to the books."""

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
from newsloom.streaming.dead_letter_replay import REPLAYED
from newsloom.streaming.dead_letters import OFFSET, PARTITION, REASON, SERVICE, original
from newsloom.streaming.errors import LogError
from newsloom.streaming.log import Log
from newsloom.streaming.records import Record, TopicPartition
from newsloom.streaming.scan import latest_by_key, read_topic
from services.verifier.findings import Findings, Invariant, Place
from services.verifier.topic_contents import Books, Committed, Letter, Marker, Passed, Stood

T = TypeVar("T")


class StillWritten(LogError):
    """The topics changed while they were read: what was read is of no one moment."""


def read_books(log: Log, settings: Settings, findings: Findings) -> Books:
    """Everything on the topics; what cannot be read is a finding.

    Raises:
        ConfigurationError: a topic is missing.
        LogUnavailable: the log went away; start over.
        StillWritten: something was written meanwhile.

    """
    names = {topic: topic_name(settings, topic) for topic in TOPICS}
    log.admin().check_rights(read=list(names.values()))
    starts = log.admin().start_offsets(list(names.values()))
    ends, committed = _offsets(log, settings)
    books = Books(names, starts, ends, committed, cut={source for source, start in starts.items() if start > 0})
    _Reading(log, books, findings).read()
    if (ends, committed) != _offsets(log, settings):
        raise StillWritten(
            "the topics were written to while they were read: stop the services and producers, try again"
        )
    return books


def _offsets(log: Log, settings: Settings) -> tuple[dict[TopicPartition, int], Committed]:
    """Return the end offsets of all topics and the committed offsets of all services."""
    admin = log.admin()
    committed: Committed = {}
    for service in SERVICES:
        group, topics = group_name(settings, service.name), topic_names(settings, service.consumes)
        offsets = admin.committed_offsets(group, topics)
        committed.update({(service.name, source): offset for source, offset in offsets.items()})
    return admin.end_offsets(topic_names(settings, TOPICS)), committed


class _Reading:
    """One pass over every topic. Of what is large (texts, vectors) only what is compared is kept."""

    def __init__(self, log: Log, books: Books, findings: Findings) -> None:
        self._log = log
        self._books = books
        self._findings = findings

    def read(self) -> None:
        # Inputs before what was made of them.
        readers = {
            ARTICLE_VECTORS: self._read_vector,
            DEAD_LETTERS: self._read_letter,
            STORY_UPDATES: self._read_update,
        }
        for topic in dict.fromkeys((*CONSUMED, DEAD_LETTERS, STORY_UPDATES)):
            for record in self._records(topic):
                if topic in CONSUMED:
                    self._note_input(record)
                if topic in readers:
                    readers[topic](record)
        for record in latest_by_key(self._records(STORIES)):
            self._read_story(record)
        for record in latest_by_key(self._records(ARTICLE_STORIES)):
            self._read_state(record)

    def _note_input(self, record: Record) -> None:
        self._books.inputs.setdefault(record.source, {})[record.offset] = content_of(record.key, record.value)

    def _read_vector(self, record: Record) -> None:
        # What the clusterer rejected need not be readable: it is looked at among the dead letters.
        try:
            event = decode_vector(record.value or b"")
        except InvalidValue:
            return
        self._books.passed.append(_passed(record, event))

    def _read_update(self, record: Record) -> None:
        update = self._decoded(record, decode_update)
        if update is not None:
            self._check_name(record, update.story_id.encode(), update_id(update.story_id, update.version))
            self._books.updates.append(Stood(_place(record), update))

    def _read_story(self, record: Record) -> None:
        story = self._decoded(record, decode_story)
        if story is not None:
            self._check_name(record, story.id.encode(), snapshot_id(story.id, story.version))
            self._books.stories.append(Stood(_place(record), story))

    def _read_state(self, record: Record) -> None:
        state: StateRecord | None = self._decoded(record, decode_state)
        if state is None:
            return
        article_id = state.article_id if isinstance(state, Membership) else ""
        self._check_name(record, f"{state.edition}/{article_id}".encode())
        source = record.header(CLOUDEVENT_ID) or ""
        if isinstance(state, Membership):
            light = msgspec.structs.replace(state, shingles=b"", title_vector=b"", terms=b"", term_weights=b"")
            self._books.memberships.append(Stood(_place(record), light, source))
        else:
            self._books.checkpoints.append(Stood(_place(record), state, source))

    def _read_letter(self, record: Record) -> None:
        place, marked = _place(record), record.header(REPLAYED)
        if marked is not None and record.header(REASON) is None:
            self._read_marker(place, marked)
            return
        try:
            letter = original(record)
            origin = RecordId(letter.topic, int(record.header(PARTITION) or ""), int(record.header(OFFSET) or ""))
        except ValueError as error:
            self._findings.broken(Invariant.DEAD_LETTERS, f"dead letter {place}: {error}")
            return
        reason, service = record.header(REASON) or "", record.header(SERVICE) or ""
        self._books.letters.append(Letter(place, origin, service, reason, content_of(letter.key, letter.value)))

    def _read_marker(self, place: Place, marked: str) -> None:
        try:
            self._books.markers.append(Marker(place, int(marked)))
        except ValueError:
            self._findings.broken(Invariant.DEAD_LETTERS, f"replay marker {place} names {marked!r}, which is no offset")

    def _check_name(self, record: Record, key: bytes, event_id: str | None = None) -> None:
        """A record under another key is compacted away with that key's others."""
        where = f"{record.topic} {_place(record)}"
        self._findings.same(Invariant.EDITIONS, f"{where}: key", key, record.key)
        if event_id is not None:
            self._findings.same(Invariant.VERSIONS, f"{where}: {CLOUDEVENT_ID}", event_id, record.header(CLOUDEVENT_ID))

    def _decoded(self, record: Record, decode: Callable[[bytes], T]) -> T | None:
        try:
            return decode(record.value or b"")
        except InvalidValue as error:
            self._findings.broken(Invariant.READABLE, f"{record.topic} {_place(record)}: {error}")
            return None

    def _records(self, topic: TopicDefinition) -> Iterator[Record]:
        counts: Counter[TopicPartition] = Counter()
        for record in read_topic(self._log, self._books.names[topic]):
            if record.source not in counts and record.header(BEGINNING_CUT) is not None:
                self._books.cut.add(record.source)
            counts[record.source] += 1
            yield record
        self._findings.examined[Invariant.READABLE] += counts.total()
        self._books.records.update(counts)


def content_of(key: bytes | None, value: bytes | None) -> bytes:
    """What tells a record's content from any other."""
    return hashlib.blake2b(
        value or b"", digest_size=16, salt=hashlib.blake2b(key or b"", digest_size=16).digest()
    ).digest()


def _passed(record: Record, event: VectorEvent) -> Passed:
    place, source = _place(record), record.header(CLOUDEVENT_ID) or ""
    if isinstance(event, ArticleVector):
        return Passed(place, source, event.edition, event.article_id, withdrawn=False, model=event.model, command=None)
    if isinstance(event, ArticleRetraction):
        return Passed(place, source, event.edition, event.article_id, withdrawn=True, model="", command=None)
    return Passed(place, source, event.edition, "", withdrawn=False, model="", command=event)


def _place(record: Record) -> Place:
    return Place(record.partition, record.offset)
