"""Rows of `updates`: each change of each story, and when a feed reader was last told of the story."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from typing import Final

from newsloom.contracts.codec import decode_update
from newsloom.contracts.story import StoryUpdate, UpdateKind
from newsloom.streaming.records import Record
from services.storypage.read_model.times import to_ms

GROWTH_STEPS: Final = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1_000, 2_000, 5_000, 10_000)
"""A feed entry is updated when the story's number of articles reaches one of these for the first time."""
_NOTED_KINDS: Final = {UpdateKind.CREATED, UpdateKind.MERGED, UpdateKind.SPLIT}

_PREVIOUS: Final = "SELECT title, noted_ms, noted_count FROM updates WHERE story_id = ? AND version = ?"
_NEXT: Final = "SELECT value FROM updates WHERE story_id = ? AND version = ?"
_NOTE: Final = "UPDATE updates SET noted_ms = ?, noted_count = ? WHERE story_id = ? AND version = ?"
_REPLACE: Final = """
    REPLACE INTO updates (story_id, version, partition, offset, arrived_ms, title, merged_into, noted_ms, noted_count, value)
    VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?)
"""


def apply_update(sql: sqlite3.Connection, record: Record) -> StoryUpdate | None:
    """Store the update and return it; None if it has no value.

    Raises:
        InvalidValue: the record is not an update.

    """
    if record.value is None:
        return None
    update = decode_update(record.value)
    row = (update.story_id, update.version, record.partition, record.offset, record.timestamp_ms)
    sql.execute(_REPLACE, (*row, update.title, update.merged_into, record.value))
    _note_from(sql, update)
    return update


def _note_from(sql: sqlite3.Connection, update: StoryUpdate) -> None:
    """Note this update and those after it, which come first if the topic has got more partitions meanwhile."""
    following: StoryUpdate | None = update
    while following is not None:
        key = (following.story_id, following.version)
        previous = sql.execute(_PREVIOUS, (key[0], key[1] - 1)).fetchone()
        sql.execute(_NOTE, (*_noted(following, previous), *key))
        row = sql.execute(_NEXT, (key[0], key[1] + 1)).fetchone()
        following = None if row is None else decode_update(row[0])


def _noted(update: StoryUpdate, previous: tuple[str, int, int] | None) -> tuple[int, int]:
    """Return the time of the last change that feeds tell of, and the largest number of articles until then."""
    if previous is None:
        return to_ms(update.at), update.article_count
    title, noted_ms, noted_count = previous
    has_grown = _step(update.article_count) > _step(noted_count)
    if has_grown or update.kind in _NOTED_KINDS or update.title != title:
        noted_ms = to_ms(update.at)
    return noted_ms, max(noted_count, update.article_count)


def _step(article_count: int) -> int:
    return bisect_right(GROWTH_STEPS, article_count)
