"""Rows of `stories`: the latest snapshot of each story."""

from __future__ import annotations

import sqlite3
from typing import Final

from newsloom.contracts.codec import decode_story
from newsloom.streaming.records import Record
from services.storypage.read_model.derived_rows import delete_derived
from services.storypage.read_model.times import to_ms

_UPSERT: Final = """
    INSERT INTO stories (id, edition, state, version, title, title_article_id, merged_into, article_count, report_count,
                         outlet_count, first_ms, last_ms, updated_ms, partition, offset, value)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        edition = excluded.edition, state = excluded.state, version = excluded.version, title = excluded.title,
        title_article_id = excluded.title_article_id, merged_into = excluded.merged_into,
        article_count = excluded.article_count, report_count = excluded.report_count,
        outlet_count = excluded.outlet_count, first_ms = excluded.first_ms, last_ms = excluded.last_ms,
        updated_ms = excluded.updated_ms, partition = excluded.partition, offset = excluded.offset,
        value = excluded.value
"""


def apply_story(sql: sqlite3.Connection, record: Record) -> list[str]:
    """Store the snapshot, or delete the story that is forgotten; return the ids of the stories that changed.

    Raises:
        InvalidValue: the record is not a story.

    """
    story_id = (record.key or b"").decode("utf-8", "backslashreplace")
    if record.value is None:
        delete_derived(sql, story_id)
        sql.execute("DELETE FROM stories WHERE id = ?", (story_id,))
        return [story_id]
    story = decode_story(record.value)
    sql.execute(
        _UPSERT,
        (
            story.id,
            story.edition,
            story.state.value,
            story.version,
            story.title,
            story.title_article_id,
            story.merged_into,
            story.article_count,
            story.report_count,
            story.outlet_count,
            to_ms(story.first_published_at),
            to_ms(story.last_published_at),
            to_ms(story.updated_at),
            record.partition,
            record.offset,
            record.value,
        ),
    )
    return [story.id]
