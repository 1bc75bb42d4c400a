"""All rows of a read model, without the row numbers that SQLite gave them."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

TABLES: Final = ("stories", "updates", "memberships", "articles", "facet_counts")


def dump(sql: sqlite3.Connection) -> dict[str, list[Any]]:
    """Return the rows of each table, sorted."""
    found = {}
    for table in TABLES:
        columns = [row[1] for row in sql.execute(f"PRAGMA table_info({table})") if row[1] != "number"]
        names = ", ".join(f'"{column}"' for column in columns)
        found[table] = sorted(sql.execute(f"SELECT {names} FROM {table}").fetchall(), key=repr)  # noqa: S608
    facets = "SELECT facet, value, id, last_ms, first_ms, article_count FROM story_facets"
    words = "SELECT id, story_text.title, story_text.articles FROM story_text JOIN stories ON number = story_text.rowid"
    found["story_facets"] = sorted(sql.execute(facets).fetchall())
    found["story_text"] = sorted(sql.execute(words).fetchall())
    counts = "SELECT facet, value, COUNT(*) FROM story_facets GROUP BY facet, value"
    assert found["facet_counts"] == sorted(sql.execute(counts).fetchall(), key=repr)
    (number,) = sql.execute("SELECT COUNT(*) FROM story_text").fetchone()
    assert number == len(found["story_text"])
    return found
