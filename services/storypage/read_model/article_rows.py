"""Rows of `articles`: the texts, as producers sent them."""

from __future__ import annotations

import sqlite3
from typing import Final

from newsloom.contracts.article import DEFAULT_EDITION
from newsloom.contracts.codec import InvalidValue, decode_article
from newsloom.contracts.pipeline import EDITION_HEADER
from newsloom.streaming.records import Record
from services.storypage.summary import first_sentences

_STORY_OF: Final = "SELECT story_id FROM memberships WHERE edition = ? AND article_id = ?"
_REPLACE: Final = "REPLACE INTO articles (edition, id, arrived_ms, author, dek, value) VALUES (?, ?, ?, ?, ?, ?)"


def apply_article(sql: sqlite3.Connection, record: Record) -> list[str]:
    """Store the text or delete a retracted one; return the ids of the stories that list the article.

    Raises:
        InvalidValue: the record is one that the embedder rejects, too.

    """
    if record.value is None:
        edition = record.header(EDITION_HEADER) or DEFAULT_EDITION
        article_id = (record.key or b"").decode("utf-8", "backslashreplace")
        sql.execute("DELETE FROM articles WHERE edition = ? AND id = ?", (edition, article_id))
    else:
        article = decode_article(record.value)
        edition, article_id = article.edition, article.id
        if record.key is not None and record.key != article_id.encode():
            raise InvalidValue("the record's key is not the article's id")
        dek = first_sentences(article)
        sql.execute(_REPLACE, (edition, article_id, record.timestamp_ms, article.author, dek, record.value))
    return [str(row[0]) for row in sql.execute(_STORY_OF, (edition, article_id))]
