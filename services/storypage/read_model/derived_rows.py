"""What follows from other rows: a story's counts by side, by what it can be filtered, and its words for the search."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
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
_FACETS: Final = "SELECT facet, value FROM story_facets WHERE number = ?"
_DELETE_FACET: Final = "DELETE FROM story_facets WHERE number = ? AND facet = ? AND value = ?"
_SET_FACET: Final = """
    INSERT INTO story_facets (facet, value, number, id, last_ms, first_ms, article_count)
    SELECT ?, ?, number, id, last_ms, first_ms, article_count FROM stories WHERE number = ?
    ON CONFLICT DO UPDATE SET
        id = excluded.id, last_ms = excluded.last_ms, first_ms = excluded.first_ms, article_count = excluded.article_count
"""
_DELETE_TEXT: Final = "DELETE FROM story_text WHERE rowid = ?"
_INSERT_TEXT: Final = "INSERT INTO story_text (rowid, title, articles) VALUES (?, ?, ?)"
_decoder: Final = msgspec.json.Decoder(Story)


Facet = tuple[str, str]
"""By what stories can be filtered, and a value of it."""


def delete_derived(sql: sqlite3.Connection, story_id: str) -> None:
    """Delete what was derived for the story, whose row is deleted next."""
    for (number,) in sql.execute(_NUMBER, (story_id,)).fetchall():
        _set_facets(sql, number, [])
        sql.execute(_DELETE_TEXT, (number,))


def derive(sql: sqlite3.Connection, story_id: str) -> None:
    """Derive the counts by side, facets and words of a story anew. Merged stories and those without articles have none."""
    row = sql.execute(_STORY, (story_id,)).fetchone()
    if row is None:
        return
    number, story = int(row[0]), _decoder.decode(row[1])
    sides = {str(side): int(count) for side, count in sql.execute(_SIDES, (story_id,))}
    sql.execute(_SET_SIDES, (*(sides.get(leaning.value, 0) for leaning in Leaning), number))
    is_listed = story.state is not StoryState.MERGED and story.article_count > 0
    _set_facets(sql, number, _facets(sql, story, sides) if is_listed else [])
    sql.execute(_DELETE_TEXT, (number,))
    if is_listed:
        sql.execute(_INSERT_TEXT, (number, story.title, _words(sql, story)))


def _set_facets(sql: sqlite3.Connection, number: int, facets: Sequence[Facet]) -> None:
    outdated = set(sql.execute(_FACETS, (number,)).fetchall()).difference(facets)
    sql.executemany(_DELETE_FACET, [(number, facet, value) for facet, value in outdated])
    sql.executemany(_SET_FACET, [(facet, value, number) for facet, value in facets])


def _facets(sql: sqlite3.Connection, story: Story, sides: Iterable[str]) -> list[Facet]:
    languages = sorted(str(language) for (language,) in sql.execute(_LANGUAGES, (story.id,)))
    return [
        (ALL, ""),
        (EDITION, story.edition),
        *((OUTLET, outlet) for outlet in story.outlets),
        *((LEANING, side) for side in sides),
        *((LANGUAGE, language) for language in languages),
    ]


def _words(sql: sqlite3.Connection, story: Story) -> str:
    """Return the titles of the listed articles and the first sentences of their texts."""
    parts = []
    for article in story.articles:
        parts.append(article.title)
        parts += [str(dek) for (dek,) in sql.execute(_DEK, (story.edition, article.id))]
    return "\n".join(dict.fromkeys(parts))
