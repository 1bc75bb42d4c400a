"""Records for `story-commands`: corrections of stories that there are, and of such as there never were."""

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
from tests.fuzz.record import Fate, Sent

_KINDS: Final = ("merge", "split", "move", "pin", "unpin")


class Commands(BrokenFields):
    """A generator of records for `story-commands`. `stories` are those that may be named; `now_ms` is the time of the record."""

    topic = STORY_COMMANDS
    named = "command"

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self.stories: Sequence[Story] = ()
        self._kinds: Final[dict[str, Callable[[int], Sent]]] = {
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

    def next(self, now_ms: int) -> Sent:
        """The next record."""
        (kind,) = self._chance.choices(list(self._kinds), self._weights)
        return self._kinds[kind](now_ms)

    def _fields(self, now_ms: int) -> Fields:
        chance = self._chance
        story, other = self._named(), self._named()
        fields: dict[str, Any] = {
            "kind": chance.choice(_KINDS),
            "command_id": f"c-{chance.getrandbits(128):032x}",
            "edition": "main" if story is None else story.edition,
            "by": chance.choice(("Jane", "\x1b[31mJane", "\x00" * 255 + "x", "\U0001f600" * 256)),
            "why": chance.choice(("the same event", "\x00" * 999 + "x", "[red]" * 200, "\u202e" + "x" * 999)),
            "issued_at": datetime.fromtimestamp(now_ms / 1_000, tz=UTC).isoformat(),
            "story_id": "st-none" if story is None else story.id,
        }
        articles = ["none"] if other is None else [article.id for article in other.articles]
        more: dict[str, dict[str, Any]] = {
            "merge": {"other_story_id": "st-none" if other is None else other.id},
            "split": {
                "article_ids": [article.id for article in story.articles[:3]] if story and story.articles else ["none"]
            },
            "move": {"article_id": chance.choice(articles or ["none"])},
        }
        return fields | more.get(fields["kind"], {})

    def _named(self) -> Story | None:
        return self._chance.choice(self.stories) if self.stories else None

    def _valid(self, now_ms: int) -> Sent:
        """Valid to read; whether it can be carried out, only the clusterer knows."""
        fields = self._fields(now_ms)
        return _sent("valid", Fate.PROCESSED, json.dumps(fields).encode(), fields["edition"].encode(), now_ms)

    def _too_much(self, now_ms: int) -> Sent:
        field, value = self._chance.choice(
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
        return _sent("too much", Fate.REJECTED, json.dumps(fields).encode(), fields["edition"].encode(), now_ms)

    def _wrong_key(self, now_ms: int) -> Sent:
        key = self._chance.choice((None, b"", b"none", b"\xff", b"x" * 10_000))
        return _sent("wrong key", Fate.REJECTED, json.dumps(self._fields(now_ms)).encode(), key, now_ms)

    def _null(self, now_ms: int) -> Sent:
        return _sent("null", Fate.REJECTED, None, self._chance.choice((None, b"main", b"\xff")), now_ms)


def _sent(kind: str, fate: Fate, value: bytes | None, key: bytes | None, now_ms: int) -> Sent:
    return Sent(f"command: {kind}", STORY_COMMANDS, key, value, fate, timestamp_ms=now_ms)
