"""What follows from other rows: a story's counts by side, by what it can be filtered, and its words for the search."""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from newsloom.contracts.article import Leaning
from newsloom.contracts.story import Story, StoryState

ALL: Final = "all"
EDITION: Final = "edition"
OUTLET: Final = "outlet"
LEANING: Final = "leaning"
LANGUAGE: Final = "language"

_STORY: Final = "SELECT number, value FROM stories WHERE id = ?"
_LANGUAGES: Final = "SELECT DISTINCT language FROM memberships WHERE story_id = ? AND language IS NOT NULL"
_NUMBER: Final = "SELECT number FROM stories WHERE id = ?"
_SIDES: Final = """
    SELECT leaning, COUNT(*) FROM memberships WHERE story_id = ? AND leaning IS NOT NULL GROUP BY leaning ORDER BY leaning
"""
_SET_SIDES: Final = 'UPDATE stories SET "left" = ?, center = ?, "right" = ? WHERE number = ?'
_DEK: Final = "SELECT dek FROM articles WHERE edition = ? AND id = ?"
_INSERT_FACET: Final = """
    INSERT INTO story_facets (facet, value, number, id, last_ms, first_ms, article_count)
    SELECT ?, ?, number, id, last_ms, first_ms, article_count FROM stories WHERE number = ?
"""
_INSERT_TEXT: Final = "INSERT INTO story_text (rowid, title, articles) VALUES (?, ?, ?)"
_decoder: Final = msgspec.json.Decoder(Story)


def delete_derived(sql: sqlite3.Connection, story_id: str) -> None:
    """Delete what was derived for the story, whose row is deleted next."""
    for (number,) in sql.execute(_NUMBER, (story_id,)).fetchall():
        _delete(sql, number)


def _delete(sql: sqlite3.Connection, number: int) -> None:
    sql.execute("DELETE FROM story_facets WHERE number = ?", (number,))
    sql.execute("DELETE FROM story_text WHERE rowid = ?", (number,))


def derive(sql: sqlite3.Connection, story_id: str) -> None:
    """Derive the counts by side, facets and words of a story anew. Merged stories and those without articles have none."""
    row = sql.execute(_STORY, (story_id,)).fetchone()
    if row is None:
        return
    number, story = int(row[0]), _decoder.decode(row[1])
    _delete(sql, number)
    sides = {str(side): int(count) for side, count in sql.execute(_SIDES, (story_id,))}
    sql.execute(_SET_SIDES, (*(sides.get(leaning.value, 0) for leaning in Leaning), number))
    if story.state is StoryState.MERGED or not story.article_count:
        return
    languages = sorted(str(language) for (language,) in sql.execute(_LANGUAGES, (story_id,)))
    facets = [
        (ALL, ""),
        (EDITION, story.edition),
        *((OUTLET, outlet) for outlet in story.outlets),
        *((LEANING, side) for side in sides),
        *((LANGUAGE, language) for language in languages),
    ]
    sql.executemany(_INSERT_FACET, [(facet, value, number) for facet, value in facets])
    sql.execute(_INSERT_TEXT, (number, story.title, _words(sql, story)))


def _words(sql: sqlite3.Connection, story: Story) -> str:
    """Return the titles of the listed articles and the first sentences of their texts."""
    parts = []
    for article in story.articles:
        parts.append(article.title)
        parts += [str(dek) for (dek,) in sql.execute(_DEK, (story.edition, article.id))]
    return "\n".join(dict.fromkeys(parts))
