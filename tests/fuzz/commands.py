"""Records for `story-commands`: commands on stories that exist, and on some that do not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from newsloom.contracts.story import Story
from newsloom.contracts.topics import STORY_COMMANDS
from tests.fuzz.broken_fields import BrokenFields
from tests.fuzz.mutation import Fields
from tests.fuzz.record import Expected, FuzzRecord

_KINDS: Final = ("merge", "split", "move", "pin", "unpin")


class Commands(BrokenFields):
    """Generates records for `story-commands`. `stories` may be named; `now_ms` is the time of the record."""

    topic = STORY_COMMANDS
    name = "command"

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.stories: Sequence[Story] = ()
        self._kinds: Final[dict[str, Callable[[int], FuzzRecord]]] = {
            "valid": self._valid,
            "damaged": self._damaged,
            "odd field": self._odd_field,
            "field missing": self._field_missing,
            "field twice": self._field_twice,
            "too much": self._too_much,
            "wrong key": self._wrong_key,
            "null": self._null,
        }
        self._weights = [20, 5, 6, 3, 3, 4, 3, 2]

    def next(self, now_ms: int) -> FuzzRecord:
        """Return the next record."""
        (kind,) = self._rng.choices(list(self._kinds), self._weights)
        return self._kinds[kind](now_ms)

    def _fields(self, now_ms: int) -> Fields:
        rng = self._rng
        story, other = self._choose_story(), self._choose_story()
        fields: dict[str, Any] = {
            "kind": rng.choice(_KINDS),
            "command_id": f"c-{rng.getrandbits(128):032x}",
            "edition": "main" if story is None else story.edition,
            "by": rng.choice(("Jane", "\x1b[31mJane", "\x00" * 255 + "x", "\U0001f600" * 256)),
            "why": rng.choice(("the same event", "\x00" * 999 + "x", "[red]" * 200, "\u202e" + "x" * 999)),
            "issued_at": datetime.fromtimestamp(now_ms / 1_000, tz=UTC).isoformat(),
            "story_id": "st-none" if story is None else story.id,
        }
        articles = ["none"] if other is None else [article.id for article in other.articles]
        more: dict[str, dict[str, Any]] = {
            "merge": {"other_story_id": "st-none" if other is None else other.id},
            "split": {
                "article_ids": [article.id for article in story.articles[:3]] if story and story.articles else ["none"]
            },
            "move": {"article_id": rng.choice(articles or ["none"])},
        }
        return fields | more.get(fields["kind"], {})

    def _choose_story(self) -> Story | None:
        return self._rng.choice(self.stories) if self.stories else None

    def _valid(self, now_ms: int) -> FuzzRecord:
        """Return a valid command. The clusterer may still reject it."""
        fields = self._fields(now_ms)
        return _sent("valid", Expected.PROCESSED, json.dumps(fields).encode(), fields["edition"].encode(), now_ms)

    def _too_much(self, now_ms: int) -> FuzzRecord:
        field, value = self._rng.choice(
            (
                ("by", "x" * 257),
                ("by", " " * 200_000),
                ("why", "x" * 1_001),
                ("why", "\n"),
                ("command_id", "x" * 65),
                ("story_id", "x" * 65),
                ("story_id", ""),
            )
        )
        fields = self._fields(now_ms) | {field: value}
        return _sent("too much", Expected.REJECTED, json.dumps(fields).encode(), fields["edition"].encode(), now_ms)

    def _wrong_key(self, now_ms: int) -> FuzzRecord:
        key = self._rng.choice((None, b"", b"none", b"\xff", b"x" * 10_000))
        return _sent("wrong key", Expected.REJECTED, json.dumps(self._fields(now_ms)).encode(), key, now_ms)

    def _null(self, now_ms: int) -> FuzzRecord:
        return _sent("null", Expected.REJECTED, None, self._rng.choice((None, b"main", b"\xff")), now_ms)


def _sent(kind: str, expected: Expected, value: bytes | None, key: bytes | None, now_ms: int) -> FuzzRecord:
    return FuzzRecord(f"command: {kind}", STORY_COMMANDS, key, value, expected, timestamp_ms=now_ms)
