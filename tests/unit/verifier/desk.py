"""Somebody else's hand in the books: single records of a log in a file, altered behind its back, as a wrong program would have
written them. What the log itself would notice (a checksum, a count) agrees.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from newsloom.contracts.codec import decode_state, decode_story, decode_update, encode
from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Story, StoryUpdate
from newsloom.contracts.topics import ARTICLE_STORIES, STORIES, STORY_UPDATES, TopicDefinition
from newsloom.log_names import group_name, topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.scan import read_topic
from newsloom.streaming.sqlite.corruption import checksum
from newsloom.streaming.sqlite.schema import row_id
from services.verifier.verification import find_violations

T = TypeVar("T", bound=msgspec.Struct)


class Desk:
    """A log in a file, while nobody else has it open."""

    def __init__(self, file: Path, settings: Settings) -> None:
        self.file = file
        self.settings = msgspec.structs.replace(settings, log=f"sqlite:///{file}")

    def copied(self, file: Path) -> Desk:
        """The same books in another file."""
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(file)) as target:
            source.backup(target)
        return Desk(file, self.settings)

    def problems(self) -> list[str]:
        with closing(open_log_url(self.settings.log)) as log:
            return find_violations(log, self.settings)

    # --- reading

    def records(self, topic: TopicDefinition) -> list[Record]:
        with closing(open_log_url(self.settings.log)) as log:
            return list(read_topic(log, topic_name(self.settings, topic)))

    def _latest(self, topic: TopicDefinition) -> list[Record]:
        latest: dict[bytes | None, Record] = {}
        for record in self.records(topic):
            latest.pop(record.key, None)
            if record.value is not None:
                latest[record.key] = record
        return list(latest.values())

    def updates(self) -> list[tuple[Record, StoryUpdate]]:
        return [(record, decode_update(record.value or b"")) for record in self.records(STORY_UPDATES)]

    def stories(self) -> list[tuple[Record, Story]]:
        """Of the edition `main`, the largest first."""
        found = [(record, decode_story(record.value or b"")) for record in self._latest(STORIES)]
        mine = [item for item in found if item[1].edition == "main"]
        return sorted(mine, key=lambda item: (-item[1].article_count, item[1].id))

    def memberships(self) -> list[tuple[Record, Membership]]:
        """Of the largest story's articles first."""
        largest = self.stories()[0][1].id
        found = [(record, decode_state(record.value or b"")) for record in self._latest(ARTICLE_STORIES)]
        members = [(record, state) for record, state in found if isinstance(state, Membership)]
        return sorted(members, key=lambda item: (item[1].story_id != largest, item[1].edition != "main"))

    def checkpoint(self) -> tuple[Record, Checkpoint]:
        found = [(record, decode_state(record.value or b"")) for record in self._latest(ARTICLE_STORIES)]
        return next((r, state) for r, state in found if isinstance(state, Checkpoint) and state.edition == "main")

    # --- writing

    def append(self, message: Message | Record) -> None:
        """Write a record, or one like it, in the same partition."""
        if isinstance(message, Record):
            message = Message(message.topic, message.key, message.value, message.headers, message.partition)
        with closing(open_log_url(self.settings.log)) as log, closing(log.writer("desk")) as writer:
            writer.write([message], Progress(1))

    def rewrite(self, record: Record, value: T, **changed: Any) -> None:
        """Let the record say something else than it does."""
        self.alter(replace(record, value=encode(msgspec.structs.replace(value, **changed))))

    def alter(self, record: Record) -> None:
        """Let another record stand at the record's place."""
        headers = msgspec.msgpack.encode(record.headers) if record.headers else None
        statement = "UPDATE records SET timestamp_ms = ?, key = ?, headers = ?, value = ?, checksum = ? WHERE place = ?"

        def row(sql: sqlite3.Connection) -> tuple[object, ...]:
            at = self._place(sql, record)
            content = (record.timestamp_ms, record.key, headers, record.value)
            return (*content, checksum(at, *content), at)

        self._execute(statement, row)

    def delete(self, record: Record) -> None:
        """Let the record not have been written. Behind others it leaves a hole, as Kafka has; here only a compacted topic may."""
        self._execute("DELETE FROM records WHERE place = ?", lambda sql: (self._place(sql, record),))
        counted = "UPDATE partitions SET deleted = deleted + 1 WHERE id = ?"
        self._execute(counted, lambda sql: (self._partition(sql, record.source),))
        with closing(sqlite3.connect(self.file)) as sql, sql:
            bounds = (self._place(sql, replace(record, offset=0)), self._place(sql, record))
            if sql.execute("SELECT 1 FROM records WHERE place >= ? AND place < ? LIMIT 1", bounds).fetchone():
                sql.execute("UPDATE topics SET policy = 'compact' WHERE name = ?", (record.topic,))

    def swap(self, one: Record, other: Record) -> None:
        """Let two records stand in each other's place."""
        self.alter(replace(one, offset=other.offset))
        self.alter(replace(other, offset=one.offset))

    def commit(self, service: str, source: TopicPartition, offset: int) -> None:
        """Set a service's place."""
        group = group_name(self.settings, service)
        statement = "UPDATE committed SET next_offset = ? WHERE consumer_group = ? AND partition = ?"
        self._execute(statement, lambda sql: (offset, group, self._partition(sql, source)))

    def _execute(self, statement: str, values: Callable[[sqlite3.Connection], tuple[object, ...]]) -> None:
        with closing(sqlite3.connect(self.file)) as sql, sql:
            changed = sql.execute(statement, values(sql)).rowcount
        assert changed == 1

    def _place(self, sql: sqlite3.Connection, record: Record) -> int:
        return row_id(self._partition(sql, record.source), record.offset)

    def _partition(self, sql: sqlite3.Connection, source: TopicPartition) -> int:
        found: int = sql.execute("SELECT id FROM partitions WHERE topic = ? AND number = ?", source).fetchone()[0]
        return found
