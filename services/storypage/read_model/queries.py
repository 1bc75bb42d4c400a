"""Read the read model. Each method reads one state of it, if the connection is in a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from newsloom.contracts.article import Article, Leaning
from newsloom.contracts.codec import decode_article, decode_story, decode_update
from newsloom.contracts.story import Story, StoryState, StoryUpdate
from services.storypage.cursor import InvalidCursor, decode_cursor, encode_cursor
from services.storypage.positions import Positions, format_positions
from services.storypage.read_model.derived_rows import ALL, EDITION, LANGUAGE, LEANING, OUTLET
from services.storypage.read_model.membership_rows import Placement
from services.storypage.read_model.model import PublishedUpdate
from services.storypage.read_model.times import from_ms
from services.storypage.resources import Order, StoryQuery, StorySummary

MERGES_FOLLOWED_MAX: Final = 100

_SUMMARY: Final = """
    s.id, s.edition, s.state, s.version, s.title, COALESCE(a.dek, ''), s.article_count, s.report_count, s.outlet_count,
    s."left", s.center, s."right", s.first_ms, s.last_ms, s.updated_ms, s.merged_into
"""
_DEK_JOIN: Final = "LEFT JOIN articles a ON a.edition = s.edition AND a.id = s.title_article_id"
_SORT_COLUMN: Final[Mapping[Order, str]] = {
    Order.RECENT: "last_ms",
    Order.NEW: "first_ms",
    Order.LARGE: "article_count",
}
_MEMBER_COLUMNS: Final = (
    "edition, article_id, story_id, title, outlet, leaning, language, url, published_ms, copy_of, placement"
)


class MemberRow(NamedTuple):
    """An article of a story. `published_ms` is Unix time in milliseconds."""

    edition: str
    article_id: str
    story_id: str
    title: str
    outlet: str | None
    leaning: Leaning | None
    language: str | None
    url: str | None
    published_ms: int
    copy_of: str | None
    placement: Placement


class Queries:
    """Queries over a connection of `ModelFile.reader`, in topics whose names begin with `prefix`."""

    def __init__(self, sql: sqlite3.Connection, prefix: str) -> None:
        self._sql = sql
        self._prefix = prefix

    # --- positions

    def positions(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record of each partition of the topic that is in the model."""
        rows = self._sql.execute("SELECT partition, offset FROM positions WHERE topic = ?", (self._prefix + topic,))
        return {int(partition): int(offset) for partition, offset in rows}

    def generation(self) -> int:
        """Return a number that rises with each commit of records."""
        return int(self._sql.execute("SELECT COALESCE(SUM(offset), 0) FROM positions").fetchone()[0])

    # --- stories

    def story(self, story_id: str) -> Story | None:
        """Return the story, merged ones too; None if it is unknown or forgotten."""
        row = self._sql.execute("SELECT value FROM stories WHERE id = ?", (story_id,)).fetchone()
        return None if row is None else decode_story(row[0])

    def summaries(self, story_ids: Sequence[str]) -> list[StorySummary]:
        """Return those of the stories that are known, in the given order."""
        found = {}
        for story_id in story_ids:
            row = self._sql.execute(
                f"SELECT {_SUMMARY} FROM stories s {_DEK_JOIN} WHERE s.id = ?",  # noqa: S608 - constants
                (story_id,),
            ).fetchone()
            if row is not None:
                found[story_id] = _summary(row)
        return list(found.values())

    def successor(self, story_id: str) -> str | None:
        """Return the story that this one was merged into in the end; None if it was not merged."""
        current = story_id
        for _ in range(MERGES_FOLLOWED_MAX):
            row = self._sql.execute(
                "SELECT merged_into FROM stories WHERE id = ?1 UNION ALL "
                "SELECT merged_into FROM (SELECT merged_into FROM updates WHERE story_id = ?1 ORDER BY version DESC LIMIT 1)",
                (current,),
            ).fetchone()
            if row is None or row[0] is None:
                break
            current = str(row[0])
        return None if current == story_id else current

    def is_forgotten(self, story_id: str) -> bool:
        """Return whether the story is no longer known, but its updates are."""
        row = self._sql.execute("SELECT 1 FROM updates WHERE story_id = ? LIMIT 1", (story_id,)).fetchone()
        return row is not None

    def list_stories(self, query: StoryQuery) -> tuple[list[StorySummary], str | None]:
        """Return a page of stories and the cursor of the next one; raise `InvalidCursor`."""
        column = _SORT_COLUMN[query.order]
        (facet, value), *others = _facets(query)
        where, values = ["f.facet = ?", "f.value = ?"], [facet, value]
        arguments: list[Any] = list(values)
        for other in others:
            where.append(
                "EXISTS (SELECT 1 FROM story_facets g WHERE g.number = f.number AND g.facet = ? AND g.value = ?)"
            )
            arguments += other
        words = match_expression(query.q)
        if words:
            where.append("f.number IN (SELECT rowid FROM story_text WHERE story_text MATCH ?)")
            arguments.append(words)
        if query.cursor:
            where.append(f"(f.{column}, f.id) < (?, ?)")
            arguments += _decode_list_cursor(query)
        rows = self._sql.execute(
            f"SELECT {_SUMMARY}, f.{column} FROM story_facets f JOIN stories s ON s.number = f.number {_DEK_JOIN} "  # noqa: S608
            f"WHERE {' AND '.join(where)} ORDER BY f.{column} DESC, f.id DESC LIMIT ?",
            (*arguments, query.limit + 1),
        ).fetchall()
        page = [_summary(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return page, encode_cursor([query.order.value, rows[query.limit - 1][-1], page[-1].id]) if more else None

    def largest_since(self, last_ms: int, *, limit: int) -> list[StorySummary]:
        """Return the stories with the most articles among those with an article at or after `last_ms`."""
        rows = self._sql.execute(
            f"SELECT {_SUMMARY} FROM story_facets f JOIN stories s ON s.number = f.number {_DEK_JOIN} "  # noqa: S608
            "WHERE f.facet = ? AND f.value = ? AND +f.last_ms >= ? ORDER BY f.article_count DESC, f.id DESC LIMIT ?",
            (ALL, "", last_ms, limit),
        )
        return [_summary(row) for row in rows]

    def changes(self, after: Positions, limit: int) -> tuple[list[StorySummary], str, bool]:
        """Return stories that changed after the positions, the positions after these, and whether there are more."""
        reached = self.positions("stories")
        changed: list[StorySummary] = []
        for partition in sorted(reached):
            left = limit - len(changed)
            rows = self._sql.execute(
                f"SELECT {_SUMMARY}, s.offset FROM stories s {_DEK_JOIN} "  # noqa: S608 - constants
                "WHERE s.partition = ? AND s.offset >= ? ORDER BY s.offset LIMIT ?",
                (partition, after.get(partition, 0), left + 1),
            ).fetchall()
            changed += [_summary(row) for row in rows[:left]]
            if len(rows) > left:
                reached[partition] = int(rows[left][-1])
                unread = {other: after.get(other, 0) for other in reached if other > partition}
                return changed, format_positions({**reached, **unread}), True
        return changed, format_positions(reached), False

    def facet_values(self, facet: str, limit: int) -> list[str]:
        """Return the values by which stories can be filtered, the most frequent first."""
        rows = self._sql.execute(
            "SELECT value FROM facet_counts WHERE facet = ? ORDER BY stories DESC, value LIMIT ?",
            (facet, limit),
        )
        return [str(value) for (value,) in rows]

    def latest_ms(self) -> int:
        """Return the publication time of the newest article; 0 if there is none."""
        row = self._sql.execute("SELECT MAX(last_ms) FROM story_facets WHERE facet = 'all' AND value = ''").fetchone()
        return int(row[0] or 0)

    def noted_ms(self, story_id: str) -> int | None:
        """Return when feeds last told of the story; None if its updates are no longer at hand."""
        row = self._sql.execute(
            "SELECT noted_ms FROM updates WHERE story_id = ? ORDER BY version DESC LIMIT 1", (story_id,)
        ).fetchone()
        return None if row is None else int(row[0])

    # --- updates

    def updates_after(self, after: Positions, limit: int) -> list[PublishedUpdate]:
        """Return the updates at or after the positions, in order for each partition; at most `limit`."""
        found: list[PublishedUpdate] = []
        for partition in sorted(self.positions("story-updates")):
            rows = self._sql.execute(
                "SELECT offset, value FROM updates WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
                (partition, after.get(partition, 0), limit - len(found)),
            )
            found += [PublishedUpdate(partition, int(offset), decode_update(value)) for offset, value in rows]
        return found

    def versions(self, story_id: str, *, below: int | None, limit: int) -> list[StoryUpdate]:
        """Return the updates of the story, newest first; only those of versions below `below`, if given."""
        rows = self._sql.execute(
            "SELECT value FROM updates WHERE story_id = ? AND version < ? ORDER BY version DESC LIMIT ?",
            (story_id, 2**62 if below is None else below, limit),
        )
        return [decode_update(value) for (value,) in rows]

    def version(self, story_id: str, version: int) -> StoryUpdate | None:
        """Return the update that made this version; None if it is not at hand."""
        row = self._sql.execute(
            "SELECT value FROM updates WHERE story_id = ? AND version = ?", (story_id, version)
        ).fetchone()
        return None if row is None else decode_update(row[0])

    # --- articles

    def members(self, story_id: str, *, before: tuple[int, str] | None, limit: int) -> list[MemberRow]:
        """Return articles of the story, newest first; those after the publication time and id `before`, if given."""
        rows = self._sql.execute(
            f"SELECT {_MEMBER_COLUMNS} FROM memberships WHERE story_id = ? AND (published_ms, article_id) < (?, ?) "  # noqa: S608
            "ORDER BY published_ms DESC, article_id DESC LIMIT ?",
            (story_id, *(before or (2**62, "")), limit),
        )
        return [_member(row) for row in rows]

    def member(self, edition: str, article_id: str) -> MemberRow | None:
        """Return the article's membership; None if it is in no story."""
        row = self._sql.execute(
            f"SELECT {_MEMBER_COLUMNS} FROM memberships WHERE edition = ? AND article_id = ?",  # noqa: S608 - constants
            (edition, article_id),
        ).fetchone()
        return None if row is None else _member(row)

    def article(self, edition: str, article_id: str) -> Article | None:
        """Return the article as its producer sent it; None if its text is not at hand."""
        row = self._sql.execute(
            "SELECT value FROM articles WHERE edition = ? AND id = ?", (edition, article_id)
        ).fetchone()
        return None if row is None else decode_article(row[0])


def match_expression(text: str) -> str:
    """Return the expression of SQLite's full-text search for all words of the text; empty if it has none."""
    return " ".join(
        f'"{word}"' for word in text.replace('"', " ").replace("\0", " ").split() if any(map(str.isalnum, word))
    )


def _facets(query: StoryQuery) -> Iterator[tuple[str, str]]:
    """Yield the facets of the query, the one that fits the fewest stories first."""
    found = False
    for facet, value in (
        (OUTLET, query.outlet),
        (LANGUAGE, query.language),
        (LEANING, "" if query.leaning is None else query.leaning.value),
        (EDITION, query.edition),
    ):
        if value:
            found = True
            yield facet, value
    if not found:
        yield ALL, ""


def _decode_list_cursor(query: StoryQuery) -> tuple[int, str]:
    order, value, story_id = decode_cursor(query.cursor, tuple[str, int, str])
    if order != query.order.value:
        raise InvalidCursor(f"the cursor is of a list in the order `{order[:20]}`, not `{query.order.value}`")
    return value, story_id


def _summary(row: Sequence[Any]) -> StorySummary:
    sides = zip(("left", "center", "right"), row[9:12], strict=True)
    return StorySummary(
        id=row[0],
        edition=row[1],
        state=StoryState(row[2]),
        version=row[3],
        title=row[4],
        dek=row[5],
        article_count=row[6],
        report_count=row[7],
        outlet_count=row[8],
        leanings={side: count for side, count in sides if count},
        first_published_at=from_ms(row[12]),
        last_published_at=from_ms(row[13]),
        updated_at=from_ms(row[14]),
        merged_into=row[15],
    )


def _member(row: Sequence[Any]) -> MemberRow:
    return MemberRow(
        edition=row[0],
        article_id=row[1],
        story_id=row[2],
        title=row[3],
        outlet=row[4],
        leaning=None if row[5] is None else Leaning(row[5]),
        language=row[6],
        url=row[7],
        published_ms=row[8],
        copy_of=row[9],
        placement=msgspec.json.decode(row[10], type=Placement),
    )
