"""Corrupt single records of a SQLite log, as a faulty program would have written them.

Checksums and record counts are kept right: the log itself must not notice.
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


class LogFile:
    """A SQLite log that no other process has open."""

    def __init__(self, file: Path, settings: Settings) -> None:
        self.file = file
        self.settings = msgspec.structs.replace(settings, log=f"sqlite:///{file}")

    def copy_to(self, file: Path) -> LogFile:
        """Copy the log to another file."""
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(file)) as target:
            source.backup(target)
        return LogFile(file, self.settings)

    def find_violations(self) -> list[str]:
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
        """Return the stories of the edition `main`, the largest first."""
        found = [(record, decode_story(record.value or b"")) for record in self._latest(STORIES)]
        of_main = [item for item in found if item[1].edition == "main"]
        return sorted(of_main, key=lambda item: (-item[1].article_count, item[1].id))

    def memberships(self) -> list[tuple[Record, Membership]]:
        """Return all memberships, those of the largest story first."""
        largest = self.stories()[0][1].id
        found = [(record, decode_state(record.value or b"")) for record in self._latest(ARTICLE_STORIES)]
        members = [(record, state) for record, state in found if isinstance(state, Membership)]
        return sorted(members, key=lambda item: (item[1].story_id != largest, item[1].edition != "main"))

    def checkpoint(self) -> tuple[Record, Checkpoint]:
        found = [(record, decode_state(record.value or b"")) for record in self._latest(ARTICLE_STORIES)]
        return next((r, state) for r, state in found if isinstance(state, Checkpoint) and state.edition == "main")

    # --- writing

    def append(self, message: Message | Record) -> None:
        """Append a message, or a copy of a record to the record's partition."""
        if isinstance(message, Record):
            message = Message(message.topic, message.key, message.value, message.headers, message.partition)
        with closing(open_log_url(self.settings.log)) as log, closing(log.writer("corruption")) as writer:
            writer.write([message], Progress(1))

    def rewrite(self, record: Record, value: T, **changed: Any) -> None:
        """Change fields of the record's value."""
        self.alter(replace(record, value=encode(msgspec.structs.replace(value, **changed))))

    def alter(self, record: Record) -> None:
        """Replace the record at this record's partition and offset."""
        headers = msgspec.msgpack.encode(record.headers) if record.headers else None
        statement = "UPDATE records SET timestamp_ms = ?, key = ?, headers = ?, value = ?, checksum = ? WHERE place = ?"

        def row(sql: sqlite3.Connection) -> tuple[object, ...]:
            at = self._row_id(sql, record)
            content = (record.timestamp_ms, record.key, headers, record.value)
            return (*content, checksum(at, *content), at)

        self._execute(statement, row)

    def delete(self, record: Record) -> None:
        """Delete the record. SQLite allows a gap between offsets in a compacted topic only, so make the topic one if needed."""
        self._execute("DELETE FROM records WHERE place = ?", lambda sql: (self._row_id(sql, record),))
        counted = "UPDATE partitions SET deleted = deleted + 1 WHERE id = ?"
        self._execute(counted, lambda sql: (self._partition(sql, record.topic_partition),))
        with closing(sqlite3.connect(self.file)) as sql, sql:
            bounds = (self._row_id(sql, replace(record, offset=0)), self._row_id(sql, record))
            if sql.execute("SELECT 1 FROM records WHERE place >= ? AND place < ? LIMIT 1", bounds).fetchone():
                sql.execute("UPDATE topics SET policy = 'compact' WHERE name = ?", (record.topic,))

    def swap(self, one: Record, other: Record) -> None:
        """Exchange the offsets of two records."""
        self.alter(replace(one, offset=other.offset))
        self.alter(replace(other, offset=one.offset))

    def commit(self, service: str, source: TopicPartition, offset: int) -> None:
        """Set a service's committed offset."""
        group = group_name(self.settings, service)
        statement = "UPDATE committed SET next_offset = ? WHERE consumer_group = ? AND partition = ?"
        self._execute(statement, lambda sql: (offset, group, self._partition(sql, source)))

    def _execute(self, statement: str, values: Callable[[sqlite3.Connection], tuple[object, ...]]) -> None:
        with closing(sqlite3.connect(self.file)) as sql, sql:
            changed = sql.execute(statement, values(sql)).rowcount
        assert changed == 1

    def _row_id(self, sql: sqlite3.Connection, record: Record) -> int:
        return row_id(self._partition(sql, record.topic_partition), record.offset)

    def _partition(self, sql: sqlite3.Connection, source: TopicPartition) -> int:
        found: int = sql.execute("SELECT id FROM partitions WHERE topic = ? AND number = ?", source).fetchone()[0]
        return found
