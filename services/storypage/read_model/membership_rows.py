"""Rows of `memberships`: the story of each article, and why it is there."""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from newsloom.contracts.codec import decode_state
from newsloom.contracts.command import CommandRef
from newsloom.contracts.membership import Checkpoint, Decision, Membership, MergeDecision
from newsloom.streaming.records import Record
from services.storypage.ratings import Ratings
from services.storypage.read_model.times import to_ms


class Placement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an article is in its story: the parts of a `Membership` that say so."""

    decision: Decision
    merge: MergeDecision | None = None
    placed_by: CommandRef | None = None
    boilerplate_of: str | None = None


_KEY: Final = "edition = ? AND article_id = ?"
_STORY_OF: Final = f"SELECT story_id FROM memberships WHERE {_KEY}"  # noqa: S608 - a constant
_DELETE: Final = f"DELETE FROM memberships WHERE {_KEY}"  # noqa: S608 - a constant
_REPLACE: Final = """
    REPLACE INTO memberships
        (edition, article_id, story_id, title, outlet, leaning, language, url, published_ms, copy_of, placement)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def apply_membership(sql: sqlite3.Connection, record: Record, ratings: Ratings) -> list[str]:
    """Store or delete the membership; return the ids of the stories that the article left or joined.

    Raises:
        InvalidValue: the record is neither a membership nor a checkpoint.

    """
    edition, _, article_id = (record.key or b"").decode("utf-8", "backslashreplace").partition("/")
    changed = [str(row[0]) for row in sql.execute(_STORY_OF, (edition, article_id))]
    if record.value is None:
        sql.execute(_DELETE, (edition, article_id))
        return changed
    member = decode_state(record.value)
    if isinstance(member, Checkpoint):
        return []
    leaning = ratings.leaning(member.leaning, member.outlet)
    sql.execute(
        _REPLACE,
        (
            member.edition,
            member.article_id,
            member.story_id,
            member.title,
            member.outlet,
            None if leaning is None else leaning.value,
            member.language,
            member.url,
            to_ms(member.published_at),
            member.copy_of,
            msgspec.json.encode(_placement(member)),
        ),
    )
    return [*changed, member.story_id]


def _placement(member: Membership) -> Placement:
    return Placement(
        decision=member.decision,
        merge=member.merge,
        placed_by=member.placed_by,
        boilerplate_of=member.boilerplate_of,
    )
